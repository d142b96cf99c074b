import { filesNamed, type ImportSource } from "./import-source.ts";
import type { DataSet, Imported, Labels } from "./imported.ts";
import { badRow, rowsOf } from "./rows.ts";

/** Globo.com: clicks on a news portal; labels are how a reader came the first time. */
export const GLOBO: DataSet = {
  name: "globo",
  title: "Globo.com's clicks on news, labelled by how each reader came first",
  path: "folder with clicks/clicks_hour_*.csv (or one such file), and articles_metadata.csv if there is",
  from: "https://www.kaggle.com/datasets/gspmoreira/news-portal-user-interactions-by-globocom",
  maps: ["deviceGroup", "os", "environment", "referrer", "region", "country"],
  read: readGlobo,
};

const CLICK = ["user_id", "click_article_id", "click_timestamp"] as const;
/** Columns of how a reader came, and the label of each. */
const CAME = {
  click_environment: "environment",
  click_deviceGroup: "deviceGroup",
  click_os: "os",
  click_country: "country",
  click_region: "region",
  click_referrer_type: "referrer",
} as const;

async function* readGlobo(source: ImportSource): AsyncGenerator<Imported, void, undefined> {
  const files = filesNamed(source, /^clicks_(hour_\d+|sample)\.csv$/, "clicks_hour_*.csv");
  // The sample repeats clicks of the hours.
  const hours = files.filter(({ name }) => name.includes("clicks_hour_"));
  const category = new Map<string, string>();
  const articles = source.files.find(({ name }) => /(^|\/)articles_metadata\.csv$/.test(name));
  if (articles !== undefined) {
    for await (const row of rowsOf(articles, { delimiter: ",", header: ["article_id", "category_id"] }))
      if (row.kind === "bad") yield row;
      else category.set(row.cells[0] ?? "", `c${row.cells[1]}`);
  }
  const first = new Map<string, { ts: number; labels: Labels }>();
  const header = [...CLICK, ...Object.keys(CAME)];
  for (const file of hours.length > 0 ? hours : files) {
    for await (const row of rowsOf(file, { delimiter: ",", header })) {
      if (row.kind === "bad") {
        yield row;
        continue;
      }
      const [reader, article = "", time, ...came] = row.cells;
      const ts = Number(time);
      const user = `g${reader}`;
      if (!Number.isFinite(ts)) {
        yield badRow(file, row.line, "NOT_A_NUMBER", "click_timestamp is no number");
        continue;
      }
      if (ts < (first.get(user)?.ts ?? Infinity)) {
        const labels = Object.fromEntries(Object.values(CAME).map((name, i) => [name, came[i] ?? ""]));
        first.set(user, { ts, labels });
      }
      const known = category.get(article);
      const event = {
        // Each file is an hour: a row's place in it is its name for ever.
        ...{ id: `globo-${file.name.match(/\d+(?=\.csv)/)?.[0] ?? "sample"}-${row.line}`, user, ts },
        ...{ type: "click", item: `a${article}`, categories: known === undefined ? [] : [known] },
      };
      yield { kind: "event", file: file.name, line: row.line, event };
    }
  }
  for (const [user, { labels }] of first) yield { kind: "labels", user, labels };
}
