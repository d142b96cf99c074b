import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DATA_SETS } from "../../../src/cli/import/data-sets.ts";
import { openSource } from "../../../src/cli/import/import-source.ts";
import { type ImportOptions, type ImportReport, runImport } from "../../../src/cli/import/run-import.ts";
import { readDefinitions } from "../../../src/cli/read-definitions.ts";
import { eventsIn, labelsIn, membersIn, writeFiles } from "./imported-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-import-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function imported(
  name: string,
  given: Partial<ImportOptions> = {},
  path = folder,
): Promise<ImportReport> {
  const set = DATA_SETS.find((one) => one.name === name);
  if (set === undefined) throw new Error(`no set ${name}`);
  const source = await openSource(path);
  try {
    const options = { out: join(folder, "out"), identify: 1, labelBuyers: false, nowMs: 1.8e12, ...given };
    return await runImport(set, source, options, () => {});
  } finally {
    source.close();
  }
}

/** Nineteen flags of u.item: those of Comedy and Romance are the sixth and the fifteenth. */
const COMEDY_ROMANCE = "0|0|0|0|0|1|0|0|0|0|0|0|0|0|1|0|0|0|0";
const ML_100K = {
  "ml-100k/u.data": "196\t242\t3\t881250949\n186\t302\t4\t881250940\n196\t302\t5\tsoon\n7\n",
  "ml-100k/u.item": `242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/M/title-exact?Kolya%20(1996)|${COMEDY_ROMANCE}\n`,
  "ml-100k/u.user": "196|49|F|writer|55105\n186|39|M|executive|00000\n999|13|M|student|00000\n",
};

test("MovieLens-100k: ratings in the order of time, genres, and who the raters are", async () => {
  await writeFiles(folder, ML_100K);
  const report = await imported("movielens");
  expect(await eventsIn(report.files.events)).toEqual([
    { id: "ml-100k-2", user: "u186", ts: 881250940000, type: "rate", item: "m302", categories: [], value: 4 },
    {
      ...{ id: "ml-100k-1", user: "u196", ts: 881250949000, type: "rate", item: "m242", value: 3 },
      categories: ["Comedy", "Romance"],
    },
  ]);
  expect(await labelsIn(report.files.users ?? "")).toEqual({
    u196: { gender: "F", age: 49, ageGroup: "45-49", occupation: "writer" },
    u186: { gender: "M", age: 39, ageGroup: "35-44", occupation: "executive" },
  });
  expect(await membersIn(report.files.events)).toEqual({
    u196: { gender: "F", ageGroup: "45-49", occupation: "writer" },
    u186: { gender: "M", ageGroup: "35-44", occupation: "executive" },
  });
  const maps = await readDefinitions(report.files.segments ?? "");
  expect(maps.map(({ name, segments }) => [name, segments.map((segment) => segment.name)])).toEqual([
    ["gender", ["F", "M"]],
    ["ageGroup", ["35-44", "45-49"]],
    ["occupation", ["executive", "writer"]],
  ]);
});

test("rows that are none are left out, counted by code, and shown with their place", async () => {
  await writeFiles(folder, ML_100K);
  const report = await imported("movielens");
  expect(report.refused).toEqual({ NOT_A_NUMBER: 1, TOO_FEW_COLUMNS: 1 });
  expect(report.firstRefused.map(({ file, line, code }) => [file, line, code])).toEqual([
    ["ml-100k/u.data", 3, "NOT_A_NUMBER"],
    ["ml-100k/u.data", 4, "TOO_FEW_COLUMNS"],
  ]);
});

test("MovieLens-1M: codes of age and occupation are told by their names", async () => {
  await writeFiles(folder, {
    "ratings.dat": "1::1193::5::978300760\n2::661::3::978302109\n",
    "movies.dat":
      "1193::One Flew Over the Cuckoo's Nest (1975)::Drama\n661::James and the Giant Peach (1996)::Animation|Musical\n",
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
  });
  const report = await imported("movielens");
  expect((await eventsIn(report.files.events)).map(({ categories }) => categories)).toEqual([
    ["Drama"],
    ["Animation", "Musical"],
  ]);
  expect(await labelsIn(report.files.users ?? "")).toEqual({
    u1: { gender: "F", ageGroup: "under-18", occupation: "K-12 student" },
    u2: { gender: "M", ageGroup: "56-and-older", occupation: "self-employed" },
  });
  // A segment's name may hold no blank.
  expect(await membersIn(report.files.events)).toMatchObject({ u1: { occupation: "K-12-student-0" } });
});

test("MovieLens-25M and its like: quoted titles, columns by name, nobody labelled", async () => {
  await writeFiles(folder, {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n1,306,3.5,1147868817\n",
    "movies.csv":
      'movieId,title,genres\n296,"Pulp, ""Fiction"" (1994)",Comedy|Crime\n306,Red (1994),(no genres listed)\n',
  });
  const report = await imported("movielens");
  expect(await eventsIn(report.files.events)).toMatchObject([
    { item: "m306", value: 3.5, categories: [] },
    { item: "m296", value: 5, categories: ["Comedy", "Crime"] },
  ]);
  expect(report.files).toEqual({ events: join(folder, "out", "events.jsonl.gz") });
});

const RETAILROCKET = {
  "events.csv":
    "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n1433224214164,992329,addtocart,248676,\n1433222276276,257597,transaction,355908,4000\n1433222276277,257597,wish,1,\n",
  "item_properties_part1.csv":
    "timestamp,itemid,property,value\n1435460400000,355908,categoryid,1338\n1435460400000,355908,888,1116713 960601 n277.200\n",
  "category_tree.csv": "categoryid,parentid\n1338,213\n213,\n",
};

test("RetailRocket: types that the engine knows, and categories up to the root", async () => {
  await writeFiles(folder, RETAILROCKET);
  const report = await imported("retailrocket");
  expect(await eventsIn(report.files.events)).toMatchObject([
    { user: "v257597", type: "view", item: "i355908", categories: ["c1338", "c213"] },
    { user: "v257597", type: "purchase", ts: 1433222276276 },
    { user: "v992329", type: "add_to_cart", categories: [] },
  ]);
  expect(report.refused).toEqual({ UNKNOWN_TYPE: 1 });
  expect(report.files.users).toBeUndefined();
});

test("RetailRocket's buyers can be labelled; what would tell them is left out then", async () => {
  await writeFiles(folder, RETAILROCKET);
  const report = await imported("retailrocket", { labelBuyers: true });
  expect((await eventsIn(report.files.events)).map(({ type }) => type)).toEqual(["view", "add_to_cart"]);
  expect(await labelsIn(report.files.users ?? "")).toEqual({
    v257597: { buyer: "yes" },
    v992329: { buyer: "no" },
  });
});

const YOOCHOOSE = {
  "yoochoose-clicks.dat":
    "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n2,2014-04-07T13:56:37.614Z,214662742,7\n2,2014-04-07T13:57:19.373Z,214662742,2089\n2,yesterday,214662742,0\n",
  "yoochoose-buys.dat":
    "2,2014-04-07T14:00:00.000Z,214662742,1046,2\n1,2014-04-07T10:55:00.000Z,214536500,0,1\n",
};

test("YooChoose: sessions are users, kinds of category are told apart, a price of 0 is none", async () => {
  await writeFiles(folder, YOOCHOOSE);
  const report = await imported("yoochoose");
  const events = await eventsIn(report.files.events);
  expect(events.map(({ user, type, categories, value }) => [user, type, categories ?? value])).toEqual([
    ["s1", "click", []],
    ["s1", "click", ["special-offer"]],
    ["s1", "purchase", undefined],
    ["s2", "click", ["c7"]],
    ["s2", "click", ["brand-2089"]],
    ["s2", "purchase", 2092],
  ]);
  expect(report.refused).toEqual({ BAD_TIME: 1 });
});

test("Globo: clicks of all hours, labelled by how each reader came first, whatever the order of the files", async () => {
  const header =
    "user_id,session_id,session_start,session_size,click_article_id,click_timestamp,click_environment,click_deviceGroup,click_os,click_country,click_region,click_referrer_type\n";
  await writeFiles(folder, {
    "clicks/clicks_hour_000.csv": `${header}0,1506825423271737,1506825423000,2,157541,1506826828020,4,3,20,1,20,2\n1,1506825423271738,1506825426000,2,96663,1506826900000,4,1,17,1,24,2\n`,
    "clicks/clicks_hour_001.csv": `${header}0,1506825423271737,1506825423000,2,68866,1506826800026,4,1,17,1,20,1\n`,
    "clicks_sample.csv": `${header}0,1,1,2,1,1506826828020,4,3,20,1,20,2\n`,
    "articles_metadata.csv":
      "article_id,category_id,created_at_ts,publisher_id,words_count\n96663,209,1,0,2\n",
  });
  const report = await imported("globo");
  expect(await eventsIn(report.files.events)).toMatchObject([
    { id: "globo-001-2", user: "g0", item: "a68866", type: "click" },
    { id: "globo-000-2", user: "g0", item: "a157541" },
    { id: "globo-000-3", user: "g1", categories: ["c209"] },
  ]);
  expect(await labelsIn(report.files.users ?? "")).toMatchObject({
    g0: { deviceGroup: "1", os: "17", referrer: "1" },
    g1: { region: "24" },
  });
});

test("a Segment export: calls become events as over HTTP, of all files, and what is no call is counted", async () => {
  const call = (fields: object) =>
    JSON.stringify({ anonymousId: "anon", timestamp: "2026-05-01T10:00:00Z", ...fields });
  const track = {
    type: "track",
    event: "Product Viewed",
    messageId: "m2",
    properties: { product_id: "boots" },
  };
  await writeFiles(folder, {
    "2026/05/01/a.gz": gzipSync(`${call({ type: "page", messageId: "m1", name: "Home" })}\n${call(track)}\n`),
    "2026/05/02/b.json": `${call({ type: "identify", userId: "ada", messageId: "m3", traits: { plan: "pro" } })}\n{"type":\n${call({ type: "sing" })}\n`,
  });
  const report = await imported("segment", { limit: 1_000 }, join(folder, "2026"));
  const events = await eventsIn(report.files.events);
  expect(events.map(({ id, user, type, item }) => [id, user, type, item])).toEqual(
    expect.arrayContaining([["m2", "anon", "view", "boots"]]),
  );
  expect(events).toHaveLength(2); // The third is who somebody is.
  expect(await membersIn(report.files.events)).toHaveProperty("ada");
  expect(report.refused).toEqual({ NOT_JSON: 1, WRONG_TYPE: 1 });
});

test("a zip archive and gzipped files are read as they are", async () => {
  const path = join(folder, "ml-100k.zip");
  await writeFile(path, zipOf(ML_100K));
  const fromZip = await eventsIn((await imported("movielens", {}, path)).files.events);
  const packed = Object.entries(ML_100K).map(([name, text]) => [`${name}.gz`, gzipSync(text)] as const);
  await writeFiles(join(folder, "packed"), Object.fromEntries(packed));
  const fromGzip = await eventsIn((await imported("movielens", {}, join(folder, "packed"))).files.events);
  expect(fromZip).toHaveLength(2);
  expect(fromGzip).toEqual(fromZip);
});

test("only a share identify themselves, and always the same", async () => {
  const users = Array.from({ length: 400 }, (_, i) => i + 1);
  await writeFiles(folder, {
    "u.data": users.map((user) => `${user}\t1\t3\t${881250000 + user}`).join("\n"),
    "u.item": `1|A|||x|${COMEDY_ROMANCE}\n`,
    "u.user": users.map((user) => `${user}|30|${user % 2 ? "F" : "M"}|writer|0`).join("\n"),
  });
  const once = await imported("movielens", { identify: 0.5 });
  const members = await membersIn(once.files.events);
  expect(once.members).toBeGreaterThan(150);
  expect(once.members).toBeLessThan(250);
  expect(await membersIn((await imported("movielens", { identify: 0.5 })).files.events)).toEqual(members);
});

test("a limit ends the reading", async () => {
  await writeFiles(folder, RETAILROCKET);
  expect((await imported("retailrocket", { limit: 2 })).events).toBe(2);
});

test("what is not there is told with what to name instead", async () => {
  await expect(imported("movielens")).rejects.toMatchObject({ code: "IMPORT_INCOMPLETE" });
  await expect(imported("movielens", {}, join(folder, "none"))).rejects.toMatchObject({
    code: "IMPORT_UNREADABLE",
  });
  await writeFile(join(folder, "data.7z"), Buffer.from("377abcaf271c0004", "hex"));
  await expect(imported("yoochoose", {}, join(folder, "data.7z"))).rejects.toThrow(/7z x/);
  await writeFiles(folder, { "yoochoose-clicks.dat": "1;2;3;4\n" });
  await expect(imported("yoochoose")).rejects.toMatchObject({ code: "IMPORT_EMPTY" });
});

/** A zip archive with compressed entries: local headers, the directory, and its end. */
function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    const packed = deflateRawSync(data);
    const fields = Buffer.alloc(26); // From "version needed" to the lengths of name and extra field.
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from("504b0304", "hex"), fields, Buffer.from(name), packed]);
    directory.push(Buffer.concat([Buffer.from("504b01021400", "hex"), fields, place, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("504b0506", 0, "hex");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, entries, end]);
}
