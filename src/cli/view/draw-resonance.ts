import pc from "picocolors";
import type { ScoreReply } from "../../gateway/score.ts";

const BAR_CELLS = 40;

/** Draws a distribution as bars, strongest first, with what it rests on below. */
export function drawResonance(reply: ScoreReply): string[] {
  const rows = [...reply.segments].sort((a, b) => b.probability - a.probability);
  const width = Math.max(4, ...rows.map((row) => row.segment.length));
  const bars = rows.map((row) => {
    const mark = row.resonating ? pc.green(" resonating") : "";
    return `${row.segment.padEnd(width)} ${bar(row.probability)} ${percent(row.probability)}${mark}`;
  });
  const trained = reply.versions.trained ? "" : " (untrained)";
  const seen = reply.known ? `${reply.evidence.toFixed(1)} effective events` : "nothing known: the prior";
  return [
    `${pc.bold(reply.user)} in ${reply.map} · ${seen}`,
    ...bars,
    `${pc.dim("none".padEnd(width))} ${pc.dim(bar(reply.none))} ${percent(reply.none)}`,
    pc.dim(
      `encoder ${reply.versions.encoder.slice(0, 12)}${trained} · profiles v${reply.versions.profiles[reply.map] ?? 0}`,
    ),
  ];
}

function bar(share: number): string {
  const cells = Math.round(share * BAR_CELLS);
  return "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)} %`;
}
