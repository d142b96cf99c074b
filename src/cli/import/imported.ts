import type { ImportSource } from "./import-source.ts";

/** An event as a service would send it: docs/events.md. */
export type ImportedEvent = Readonly<{
  id: string;
  user: string;
  /** Epoch milliseconds. */
  ts: number;
  type: string;
  item?: string;
  categories?: readonly string[];
  value?: number;
}> &
  Readonly<Record<string, unknown>>;

/** What is known of a user, by name. */
export type Labels = Readonly<Record<string, string | number>>;

/** A row that became nothing: `line` counts from 1. */
export type BadRow = Readonly<{ kind: "bad"; file: string; line: number; code: string; message: string }>;

/** What a data set's rows become, in any order. */
export type Imported =
  | Readonly<{ kind: "event"; file: string; line: number; event: ImportedEvent }>
  /** A later one of the same user takes the place of the one before. */
  | Readonly<{ kind: "labels"; user: string; labels: Labels }>
  | BadRow;

/** What the command line tells a reader. */
export type ReaderOptions = Readonly<{
  /** Label users by whether they ever bought, and leave purchases out, since they would tell it. */
  labelBuyers: boolean;
  /** When the import runs, epoch ms. */
  nowMs: number;
}>;

/** A public data set, or a format: how its files become events. */
export type DataSet = Readonly<{
  name: string;
  /** What it is, for `read …`. */
  title: string;
  /** What to name as PATH. */
  path: string;
  /** Where people get it. */
  from: string;
  /** Labels that make good segments, in the order of the maps. */
  maps: readonly string[];
  /** @throws EngineError `IMPORT_INCOMPLETE` if a file is missing. */
  read(source: ImportSource, options: ReaderOptions): AsyncGenerator<Imported, void, undefined>;
}>;
