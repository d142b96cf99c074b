import type { ComponentChildren } from "preact";

/** A few numbers that matter, side by side, each with its name. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({
  name,
  tone,
  children,
}: {
  name: string;
  tone?: "good" | "warn" | "bad" | undefined;
  children: ComponentChildren;
}) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd class={tone === undefined ? undefined : `tone-${tone}`}>{children}</dd>
    </div>
  );
}

/** A word that says how something is. Never its colour alone. */
export function Tag({
  tone,
  children,
}: {
  tone?: "good" | "warn" | "bad" | "accent" | undefined;
  children: ComponentChildren;
}) {
  return <span class={tone === undefined ? "tag" : `tag tone-${tone}`}>{children}</span>;
}
