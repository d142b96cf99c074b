import type { Resonance } from "../../resonance/score-answer.ts";
import { bar } from "./bars.ts";
import { cellWidth, fitToCells, withoutControls } from "./cell-width.ts";
import { formatPercent } from "./format-number.ts";
import type { LiveVisitor } from "./live-state.ts";
import type { Look, Piece } from "./painted-line.ts";

const NAME_CELLS_MAX = 20;
/** Width of one visitor: two blanks, the bar, four for the per cent, one for the mark. */
const VISITOR_CELLS_MIN = 14;
const VISITOR_CELLS_MAX = 26;
const AROUND_BAR_CELLS = 2 + 4 + 1;
/** Beside the segments: the visitors' names, the truth, "none", and the line that tells what was left out. */
const OTHER_LINES = 3;

/**
 * Draws distributions side by side: a line a segment, a column a visitor, so that names stay readable and one
 * eye movement compares two visitors. A dot marks the segment that resonates.
 *
 * @returns At most `rows` lines; none without visitors or room.
 */
export function visitorLines(
  visitors: readonly LiveVisitor[],
  room: { readonly columns: number; readonly rows: number },
): (readonly Piece[])[] {
  const first = visitors[0];
  if (first === undefined || room.rows < OTHER_LINES + 1) return [];
  const names = first.resonance.segments.map(({ segment }) => segment);
  const nameCells = Math.min(NAME_CELLS_MAX, Math.max(...["truth", "none", ...names].map(cellWidth)));
  const across = Math.max(1, Math.floor((room.columns - nameCells) / VISITOR_CELLS_MIN));
  const shown = visitors.slice(0, across);
  const cells = Math.min(VISITOR_CELLS_MAX, Math.floor((room.columns - nameCells) / shown.length));
  const name = (text: string, look: Look = "plain"): Piece => ({
    text: fitToCells(withoutControls(text), nameCells),
    look,
  });

  const segments = strongestOf(names, shown, room.rows - OTHER_LINES);
  const lines = [[name("visitor", "faint"), ...shown.map(({ user }) => inColumn(user, cells, "strong"))]];
  if (shown.some(({ truth }) => truth !== undefined)) {
    lines.push([name("truth", "faint"), ...shown.map((visitor) => truthPiece(visitor, cells))]);
  }
  for (const segment of segments) {
    lines.push([name(segment), ...shown.flatMap(({ resonance }) => sharePieces(resonance, segment, cells))]);
  }
  lines.push([name("none", "faint"), ...shown.flatMap(({ resonance }) => nonePieces(resonance, cells))]);
  const hidden = names.length - segments.length;
  if (hidden > 0 && lines.length < room.rows) lines.push([{ text: `and ${hidden} more`, look: "faint" }]);
  return lines;
}

/** All segments if they fit, else those with the most probability among the visitors shown; in the map's order. */
function strongestOf(names: readonly string[], visitors: readonly LiveVisitor[], most: number): string[] {
  if (names.length <= most) return [...names];
  const weights = new Map(names.map((name) => [name, 0]));
  for (const { resonance } of visitors) {
    for (const { segment, probability } of resonance.segments) {
      weights.set(segment, (weights.get(segment) ?? 0) + probability);
    }
  }
  const kept = names
    .toSorted((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0))
    .slice(0, Math.max(1, most - 1));
  return names.filter((name) => kept.includes(name));
}

function truthPiece({ truth, resonance }: LiveVisitor, cells: number): Piece {
  if (truth === undefined) return inColumn("", cells, "plain");
  const right = topSegment(resonance) === truth;
  return inColumn(`${right ? "✓" : "✗"} ${truth}`, cells, right ? "good" : "warn");
}

function sharePieces(resonance: Resonance, segment: string, cells: number): Piece[] {
  const score = resonance.segments.find((candidate) => candidate.segment === segment);
  if (score === undefined) return [inColumn("", cells, "plain")];
  const top = topSegment(resonance) === segment;
  const look: Look = score.resonating ? "good" : top ? "accent" : "faint";
  return barPieces(score.probability, cells, { look, mark: score.resonating ? "●" : " " });
}

function nonePieces(resonance: Resonance, cells: number): Piece[] {
  return barPieces(resonance.none, cells, { look: "faint", mark: " " });
}

function barPieces(share: number, cells: number, given: { look: Look; mark: string }): Piece[] {
  const barCells = Math.max(0, cells - AROUND_BAR_CELLS);
  return [
    { text: `  ${bar(share, barCells).padEnd(barCells)}`, look: given.look },
    { text: `${formatPercent(share).padStart(4)}${given.mark}`, look: given.look },
  ];
}

function inColumn(text: string, cells: number, look: Look): Piece {
  return { text: `  ${fitToCells(withoutControls(text), Math.max(0, cells - 2))}`, look };
}

/** The most likely segment, whatever the chance of none is; undefined while all are at 0. */
function topSegment(resonance: Resonance): string | undefined {
  let top: { segment: string; probability: number } | undefined;
  for (const score of resonance.segments) {
    if (score.probability > (top?.probability ?? 0)) top = score;
  }
  return top?.segment;
}
