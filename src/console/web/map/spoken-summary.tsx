import { useEffect, useState } from "preact/hooks";
import type { LiveMap } from "./live-map.ts";

/** How often it is told: more often, a screen reader would say nothing else. */
const EVERY_MS = 20_000;
const FIRST_MS = 3_000;

/** The picture in a sentence, for whoever does not see it. */
export function SpokenSummary({ live }: { live: LiveMap }) {
  const [text, setText] = useState("");
  useEffect(() => {
    const tell = (): void => setText(summaryOf(live));
    const first = setTimeout(tell, FIRST_MS);
    const timer = setInterval(tell, EVERY_MS);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [live]);
  return (
    <p class="visually-hidden" role="status">
      {text}
    </p>
  );
}

function summaryOf(live: LiveMap): string {
  const { active = 0, counts = [] } = live.facts.peek() ?? {};
  const { segments = [], mode = "exclusive" } = live.plane.peek() ?? {};
  const told = segments.map(({ segment }, k) => `${segment} ${counts[k] ?? 0}`);
  if (mode === "exclusive") told.push(`none of them ${counts.at(-1) ?? 0}`);
  return `${active} active visitors. By strongest segment: ${told.join(", ")}.`;
}
