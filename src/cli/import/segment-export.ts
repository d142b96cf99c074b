import { DEFAULT_CATEGORIES } from "../../gateway/segment-api/message-consent.ts";
import { messageEvents } from "../../gateway/segment-api/message-events.ts";
import { JsonLineSplitter } from "../json-line-splitter.ts";
import { filesNamed, type ImportSource } from "./import-source.ts";
import type { DataSet, Imported, ImportedEvent, ReaderOptions } from "./imported.ts";
import { badRow } from "./rows.ts";

/** Calls of Segment's specification as its storage destinations write them; mapped as the HTTP intake does. */
export const SEGMENT: DataSet = {
  name: "segment",
  title: "an export of raw calls (track, page, screen, identify, group, alias), one JSON object a line",
  path: "folder, zip or file of JSON lines, gzip too",
  from: "a storage destination of Segment or RudderStack, such as S3 or Google Cloud Storage",
  maps: [],
  read: readSegment,
};

/** A call has 32 KiB at most by Segment's own limits. */
const LINE_BYTES_MAX = 1_048_576;

async function* readSegment(
  source: ImportSource,
  { nowMs }: ReaderOptions,
): AsyncGenerator<Imported, void, undefined> {
  const frame = {
    sentAt: undefined,
    context: undefined,
    integrations: undefined,
    categories: DEFAULT_CATEGORIES,
    nowMs,
  };
  for (const file of filesNamed(source, /^[^.].*$/, "file")) {
    const splitter = new JsonLineSplitter(LINE_BYTES_MAX);
    const lines = async function* () {
      for await (const chunk of file.read()) yield* splitter.push(chunk);
      yield* splitter.end();
    };
    for await (const line of lines()) {
      if (line.kind === "bad") {
        yield badRow(file, line.line, line.code, line.message);
        continue;
      }
      const said = messageEvents(line.value, frame);
      if (said.kind !== "events") yield badRow(file, line.line, said.code, said.message);
      else
        for (const event of said.events)
          yield { kind: "event", file: file.name, line: line.line, event: event as ImportedEvent };
    }
  }
}
