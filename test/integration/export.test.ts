import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { encodeEntry } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { ExportLine, ExportPage } from "../../src/gateway/gateway-ports.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import type { DeadLetter } from "../../src/shards/shard-messages.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

const SHARDS = 2;
const ACTS = 1_500;
/** Between two of them: faster, and they would be taken for a program. */
const PACE_MS = 200;
/** Who is asked for; the other one's id begins with hers. */
const ADA = "ada";
const OTHER = "ada lovelace";

await describeWithNats("an export of a node", (suite) => {
  let dataDir: string;
  let node: RunningNode;
  let client: Client;
  let connection: Awaited<ReturnType<typeof connectNats>>;
  const shown: ContentAnswer[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "resonance-export-"));
    const { url } = suite().nats;
    const options = { nats: url, dataDir, shards: SHARDS, publishEveryMs: 50, refit: null };
    node = await startNode({ ...DEFAULT_NODE_OPTIONS, ...options }, () => {});
    client = await connectClient({ nats: url, data: dataDir, prefix: "resonance" }, "export test");
    await client.ask("segments.put", { maps: [{ name: "life", segments: ["new", "loyal"] }] });
    await client.ask("content.put", {
      placements: [{ name: "home", map: "life" }],
      items: [{ id: "a", placements: ["home"] }],
    });
    for (const user of [OTHER, ADA]) {
      const ts = Date.now() - (ACTS + 100) * PACE_MS;
      const consent = { analytics: true, social: true };
      await ingest(client, [{ id: `${user}-consent`, user, type: "consent", ts, consent }]);
      await untilFolded(client);
      const labels = { segments: { life: "loyal" }, traits: { plan: "pro" } };
      await ingest(client, [
        { id: `${user}-identify`, user, type: "identify", ts, ...labels },
        { id: `${user}-message`, user, type: "message", ts, consent, peer: user === ADA ? OTHER : ADA },
      ]);
      for (let from = 0; from < ACTS; from += 100)
        await ingest(
          client,
          Array.from({ length: 100 }, (_, i) => ({
            ...{ id: `${user}-view-${from + i}`, user, type: "view", ts: ts + (from + i) * PACE_MS },
            ...{ item: `item-${i}`, categories: ["books", "a rather long name of a category of things"] },
          })),
        );
      await untilFolded(client);
      shown.push((await client.ask("content", { user, placement: "home" })) as ContentAnswer);
    }
    connection = await connectNats({ servers: url.split(","), name: "letters" });
    const log = await NatsLog.over(connection);
    const letters = [ADA, OTHER].map((user): DeadLetter => {
      const data = encodeEntry({ kind: "behaviour", id: `${user}-bad`, user, type: "view", tsMs: 1 });
      return { shard: 0, sequence: 1, code: "BAD", reason: "for the test", stack: "", data };
    });
    const subjects = subjectsOf("resonance");
    await log.append(
      subjects.deadLetters,
      letters.map((letter, i) => ({ id: `${i}`, data: encode(letter) })),
    );
    const told = { id: "t", map: "life", segment: "loyal", kind: "entered", probability: 0.9, at: 1 };
    for (const user of [ADA, OTHER])
      await log.publishTo(
        subjects.transition("life", "loyal"),
        `t-${user}`,
        new TextEncoder().encode(JSON.stringify({ ...told, user })),
      );
  }, 120_000);

  afterAll(async () => {
    await client.close();
    await connection.close();
    await node.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const exported = async (user: string): Promise<{ lines: ExportLine[]; pages: number }> => {
    const lines: ExportLine[] = [];
    let next: string | undefined;
    let pages = 0;
    do {
      const page = (await client.ask(
        "export",
        next === undefined ? { user } : { user, cursor: next },
      )) as ExportPage;
      lines.push(...page.lines);
      next = page.next;
      pages++;
    } while (next !== undefined);
    return { lines, pages };
  };

  test("everything that is held of a user is told, page by page, and nothing of anybody else", async () => {
    await expect
      .poll(async () => (await exported(ADA)).lines.filter(({ kind }) => kind === "decision").length, {
        timeout: 20_000,
      })
      .toBe(1); // Decisions are written down a moment later.
    const { lines, pages } = await exported(ADA);
    const of = (kind: string): ExportLine[] => lines.filter((line) => line.kind === kind);
    expect(pages).toBeGreaterThan(1);

    const [context] = of("context");
    expect(context).toMatchObject({ user: ADA, authenticated: true, events: ACTS + 1 });
    expect(context).toMatchObject({
      labels: { life: "loyal" },
      traits: { plan: "pro" },
      consents: { analytics: true, social: true },
    });
    expect(Object.keys(context?.["features"] as object)).toContain("activity.per_hour_1m");
    expect(Math.max(...((context?.["embedding"] ?? []) as number[]))).toBeGreaterThan(0.01);
    expect(of("resonance")).toMatchObject([{ map: "life" }]);
    expect(of("recent-event").length).toBeGreaterThan(100);

    const events = of("event");
    expect(events.map(({ id }) => id).filter((id) => String(id).startsWith("ada-view"))).toHaveLength(ACTS);
    expect(events.find(({ id }) => id === "ada-message")).toMatchObject({ type: "message", peer: OTHER });
    expect(events.map(({ sequence }) => sequence)).toEqual(
      events.map(({ sequence }) => sequence).sort(ascending),
    );
    expect(new Set(events.map(({ shard }) => shard))).toEqual(new Set([shardOf(ADA, SHARDS)]));

    expect(of("sample").length).toBeGreaterThan(0);
    expect(of("contribution")).toMatchObject([{ segments: { life: "loyal" } }]);
    expect(of("decision")).toMatchObject([{ decision: shown[1]?.decision, placement: "home" }]);
    expect(of("transition").map(({ segment }) => segment)).toContain("loyal");
    expect(of("dead-letter")).toMatchObject([{ code: "BAD", entry: { id: "ada-bad" } }]);

    const counts: Record<string, number> = {};
    for (const { kind } of lines.slice(0, -1)) counts[kind] = (counts[kind] ?? 0) + 1;
    expect(lines.at(-1)).toMatchObject({ kind: "end", user: ADA, counts });
    const others = lines.filter(
      (line) => line["id"] !== "ada-message" && JSON.stringify(line).includes(OTHER),
    );
    expect(others).toEqual([]);
  });

  test("of somebody of whom nothing is held, there is only the end", async () => {
    const { lines } = await exported("nobody");
    expect(lines).toMatchObject([{ kind: "end", user: "nobody", counts: {} }]);
  });

  test("the command writes the same as JSON lines", async () => {
    const file = join(dataDir, "ada.jsonl");
    const given = ["src/cli/main.ts", "export", ADA, "--nats", suite().nats.url, "--out", file];
    await promisify(execFile)(process.execPath, given);
    const written = (await readFile(file, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as ExportLine);
    expect(written.at(-1)).toMatchObject({
      kind: "end",
      counts: { event: ACTS + 3, contribution: 1, decision: 1 },
    });
    expect(written.length).toBe((await exported(ADA)).lines.length);
  });

  test("a cursor that is none is refused", async () => {
    for (const cursor of ["no cursor", Buffer.from('{"part":-1}').toString("base64url")])
      await expect(client.ask("export", { user: ADA, cursor })).rejects.toMatchObject({ code: "BAD_CURSOR" });
    await expect(client.ask("export", {})).rejects.toMatchObject({ code: "MISSING_FIELD" });
  });
});

const ascending = (a: unknown, b: unknown): number => Number(a) - Number(b);
