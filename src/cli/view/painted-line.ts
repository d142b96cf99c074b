import pc from "picocolors";
import { cellWidth, cutToCells, withoutControls } from "./cell-width.ts";

/** How a piece of a line looks. Colour never carries meaning alone: without it the line says the same. */
export type Look = "plain" | "strong" | "faint" | "good" | "warn" | "bad" | "accent";

/** A piece of a line. The text may come from outside: control characters are replaced when it is painted. */
export type Piece = Readonly<{ text: string; look?: Look }>;

/** Paints pieces into one line of at most `columns` cells; colour codes take none. */
export function paintLine(pieces: readonly Piece[], given: { columns: number; color: boolean }): string {
  const paints = paintsOf(given.color);
  let left = given.columns;
  let line = "";
  for (const piece of pieces) {
    const text = withoutControls(piece.text);
    const cut = cutToCells(text, left);
    if (cut !== "") line += paints[piece.look ?? "plain"](cut);
    if (cut !== text) break;
    left -= cellWidth(cut);
  }
  return line;
}

function paintsOf(color: boolean): Readonly<Record<Look, (text: string) => string>> {
  return color ? COLORED : UNCOLORED;
}

const COLORED = paints(true);
const UNCOLORED = paints(false);

function paints(color: boolean): Readonly<Record<Look, (text: string) => string>> {
  const colors = pc.createColors(color);
  return {
    plain: (text) => text,
    strong: colors.bold,
    faint: colors.dim,
    good: colors.green,
    warn: colors.yellow,
    bad: colors.red,
    accent: colors.cyan,
  };
}
