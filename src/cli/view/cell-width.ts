const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;
const NO_CELL = /^[\p{M}\p{Cf}]$/u;
const PICTURE = /^\p{Emoji_Presentation}$/u;

/**
 * Cells that a text takes in a terminal: two for East Asian wide characters and pictures, none for marks.
 *
 * @see Unicode Standard Annex 11, "East Asian Width": the blocks that are wide throughout.
 */
export function cellWidth(text: string): number {
  let cells = 0;
  for (const character of text) cells += characterCells(character);
  return cells;
}

/** The text within so many cells; what was cut is shown by an ellipsis. Never wider than `cells`. */
export function cutToCells(text: string, cells: number): string {
  if (cellWidth(text) <= cells) return text;
  let kept = "";
  let used = 0;
  for (const character of text) {
    used += characterCells(character);
    if (used > cells - 1) break;
    kept += character;
  }
  return cells > 0 ? `${kept}…` : "";
}

/** The text in exactly so many cells: cut, or filled with blanks at the far side of `align`. */
export function fitToCells(text: string, cells: number, align: "left" | "right" = "left"): string {
  const cut = cutToCells(text, cells);
  const blanks = " ".repeat(Math.max(0, cells - cellWidth(cut)));
  return align === "left" ? cut + blanks : blanks + cut;
}

/** Text from outside without what would move the cursor or break the line. */
export function withoutControls(text: string): string {
  return text.replace(CONTROL, "·");
}

function characterCells(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return code === 0xad ? 0 : 1; // Nearly all text: no regular expression is run for it.
  if (NO_CELL.test(character)) return 0;
  return isWide(code) || PICTURE.test(character) ? 2 : 1;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0x303e) ||
    (code >= 0x3041 && code <= 0xa4cf) ||
    (code >= 0xa960 && code <= 0xa97f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
