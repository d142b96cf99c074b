import { basename } from "node:path";
import { filesNamed, type ImportSource } from "./import-source.ts";
import type { DataSet, Imported, ReaderOptions } from "./imported.ts";
import { badRow, rowsOf } from "./rows.ts";

/** RetailRocket: views, carts and purchases of a shop's visitors; categories are an item's way up the tree. */
export const RETAILROCKET: DataSet = {
  name: "retailrocket",
  title: "RetailRocket's views, carts and purchases, with categories",
  path: "folder or zip with events.csv, and item_properties_part*.csv and category_tree.csv if there are",
  from: "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
  maps: ["buyer"],
  read: readRetailRocket,
};

const TYPES: Readonly<Record<string, string>> = {
  view: "view",
  addtocart: "add_to_cart",
  transaction: "purchase",
};
/** Against a tree that is none. */
const DEPTH_MAX = 16;

async function* readRetailRocket(
  source: ImportSource,
  { labelBuyers }: ReaderOptions,
): AsyncGenerator<Imported, void, undefined> {
  const [events] = filesNamed(source, /^events\.csv$/, "events.csv");
  const parents = new Map<string, string>();
  const categories = new Map<string, string>();
  for (const file of source.files) {
    const name = basename(file.name);
    if (name === "category_tree.csv") {
      for await (const row of rowsOf(file, {
        delimiter: ",",
        header: ["categoryid", "parentid"],
        columnsMin: 1,
      }))
        if (row.kind === "bad") yield row;
        else if (row.cells[1] !== "") parents.set(row.cells[0] ?? "", row.cells[1] ?? "");
    } else if (/^item_properties.*\.csv$/.test(name)) {
      // Properties change with time; the category that a file tells last is taken for the item's.
      for await (const row of rowsOf(file, { delimiter: ",", header: ["itemid", "property", "value"] }))
        if (row.kind === "bad") yield row;
        else if (row.cells[1] === "categoryid") categories.set(row.cells[0] ?? "", row.cells[2] ?? "");
    }
  }
  const buyers = new Map<string, boolean>();
  const header = ["timestamp", "visitorid", "event", "itemid"];
  for await (const row of rowsOf(events!, { delimiter: ",", header })) {
    if (row.kind === "bad") {
      yield row;
      continue;
    }
    const { line } = row;
    const [ts, visitor, given = "", item = ""] = row.cells;
    const type = TYPES[given];
    const user = `v${visitor}`;
    if (type === undefined) {
      yield badRow(events!, line, "UNKNOWN_TYPE", "neither view, addtocart nor transaction");
      continue;
    }
    if (labelBuyers) buyers.set(user, type === "purchase" || buyers.get(user) === true);
    if (labelBuyers && type === "purchase") continue;
    const event = {
      ...{ id: `retailrocket-${line}`, user, ts: Number(ts), type, item: `i${item}` },
      categories: wayUp(categories.get(item), parents),
    };
    if (Number.isFinite(event.ts)) yield { kind: "event", file: events!.name, line, event };
    else yield badRow(events!, line, "NOT_A_NUMBER", "timestamp is no number");
  }
  for (const [user, bought] of buyers)
    yield { kind: "labels", user, labels: { buyer: bought ? "yes" : "no" } };
}

function wayUp(category: string | undefined, parents: ReadonlyMap<string, string>): string[] {
  const way: string[] = [];
  for (let at = category; at !== undefined && way.length < DEPTH_MAX; at = parents.get(at))
    way.push(`c${at}`);
  return way;
}
