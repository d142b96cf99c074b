import { Readable } from "node:stream";
import { parse } from "csv-parse";
import type { SourceFile } from "./import-source.ts";
import type { BadRow } from "./imported.ts";

/** How a file's rows are written. */
export type RowFormat = Readonly<{
  delimiter: "," | "\t" | "|" | "::";
  /** Names of the columns that are wanted, from the first row; without, columns come as they are. */
  header?: readonly string[];
  /** Fewer make a row bad; by default as many as `header` names. */
  columnsMin?: number;
}>;

/** One row: the wanted columns in the wanted order. `line` counts from 1, with the header. */
export type Row = Readonly<{ kind: "row"; line: number; cells: readonly string[] }> | BadRow;

/**
 * The rows of a file, one by one. Text is read as UTF-8: the sets' numbers, codes and genres are ASCII, and what is in
 * another encoding (the titles of older MovieLens sets) is not used.
 *
 * Quotes are those of CSV where the delimiter is a comma, and of no meaning elsewhere.
 */
export async function* rowsOf(file: SourceFile, format: RowFormat): AsyncGenerator<Row, void, undefined> {
  const { delimiter, header } = format;
  const columnsMin = format.columnsMin ?? header?.length ?? 1;
  const broken: BadRow[] = [];
  let line = 0;
  const parser = Readable.from(file.read(), { objectMode: false }).compose(
    parse({
      bom: true,
      delimiter,
      quote: delimiter === "," ? '"' : null,
      relaxColumnCount: true,
      skipEmptyLines: true,
      skipRecordsWithError: true,
      onSkip: (error) => {
        broken.push(badRow(file, line + 1, "BAD_CSV", error?.message ?? "not CSV"));
        return undefined;
      },
    }),
  ) as AsyncIterable<string[]>;
  let places: readonly number[] | undefined;
  for await (const cells of parser) {
    line++;
    yield* broken.splice(0);
    if (header !== undefined && places === undefined) {
      places = header.map((name) => cells.findIndex((cell) => cell.trim() === name));
      const missing = header.filter((_, i) => places?.[i] === -1);
      if (missing.length === 0) continue;
      yield badRow(file, line, "NO_HEADER", `the first row does not name ${missing.join(", ")}`);
      return;
    }
    const wanted = places === undefined ? cells : places.map((place) => cells[place] ?? "");
    const has = places === undefined ? cells.length : places.filter((place) => place < cells.length).length;
    if (has < columnsMin) {
      yield badRow(file, line, "TOO_FEW_COLUMNS", `${cells.length} columns`);
      continue;
    }
    yield { kind: "row", line, cells: wanted };
  }
  yield* broken;
}

/** A row that is left out, and why. */
export function badRow(file: SourceFile, line: number, code: string, message: string): BadRow {
  return { kind: "bad", file: file.name, line, code, message };
}
