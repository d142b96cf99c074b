import { isoTimeMs } from "../../events/iso-time.ts";
import { filesNamed, type ImportSource } from "./import-source.ts";
import type { DataSet, Imported, ReaderOptions } from "./imported.ts";
import { badRow, rowsOf } from "./rows.ts";

/** YooChoose, of the RecSys Challenge 2015: clicks and purchases of sessions; a session is a user. */
export const YOOCHOOSE: DataSet = {
  name: "yoochoose",
  title: "YooChoose's clicks and purchases of sessions (RecSys Challenge 2015)",
  path: "folder with yoochoose-clicks.dat and yoochoose-buys.dat, unpacked from its 7z archive",
  from: "https://www.kaggle.com/datasets/chadgostopp/recsys-challenge-2015",
  maps: ["buyer"],
  read: readYooChoose,
};

/** Categories 1 to 12 are real ones; "0" is a missing one, "S" a special offer, and a longer number a brand. */
const REAL_CATEGORIES = 12;

async function* readYooChoose(
  source: ImportSource,
  { labelBuyers }: ReaderOptions,
): AsyncGenerator<Imported, void, undefined> {
  const [clicks] = filesNamed(source, /^yoochoose-clicks\.dat$/, "yoochoose-clicks.dat");
  const buyers = new Set<string>();
  const buys = source.files.find(({ name }) => /(^|\/)yoochoose-buys\.dat$/.test(name));
  if (buys !== undefined) {
    for await (const row of rowsOf(buys, { delimiter: ",", columnsMin: 5 })) {
      if (row.kind === "bad") {
        yield row;
        continue;
      }
      const [session, time = "", item, price, quantity] = row.cells;
      const user = `s${session}`;
      if (labelBuyers) {
        buyers.add(user);
        continue;
      }
      const ts = isoTimeMs(time);
      if (Number.isNaN(ts)) {
        yield badRow(buys, row.line, "BAD_TIME", "the time is not ISO 8601");
        continue;
      }
      const value = Number(price) * Number(quantity); // Many prices are 0: not told.
      const paid = value > 0 ? { value } : {};
      const event = { id: `buy-${row.line}`, user, ts, type: "purchase", item: `i${item}`, ...paid };
      yield { kind: "event", file: buys.name, line: row.line, event };
    }
  }
  let labelled: string | undefined;
  for await (const row of rowsOf(clicks!, { delimiter: ",", columnsMin: 4 })) {
    if (row.kind === "bad") {
      yield row;
      continue;
    }
    const [session, time = "", item, category = "0"] = row.cells;
    const ts = isoTimeMs(time);
    const user = `s${session}`;
    if (Number.isNaN(ts)) {
      yield badRow(clicks!, row.line, "BAD_TIME", "the time is not ISO 8601");
      continue;
    }
    if (labelBuyers && user !== labelled)
      // A session's clicks follow each other.
      yield { kind: "labels", user, labels: { buyer: buyers.has(user) ? "yes" : "no" } };
    labelled = user;
    const event = {
      id: `click-${row.line}`,
      user,
      ts,
      type: "click",
      item: `i${item}`,
      categories: categoriesOf(category),
    };
    yield { kind: "event", file: clicks!.name, line: row.line, event };
  }
}

function categoriesOf(code: string): string[] {
  if (code === "0" || code === "") return [];
  if (code === "S") return ["special-offer"];
  return [Number(code) <= REAL_CATEGORIES ? `c${code}` : `brand-${code}`];
}
