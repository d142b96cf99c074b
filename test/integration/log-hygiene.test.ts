import { appendFile, mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeKeysFile } from "../../src/adapters/http-keys.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { connectClient } from "../../src/cli/client.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { HttpRole } from "../../src/gateway/http/http-route.ts";
import { hashOfKey, newKey } from "../../src/gateway/http/key-ring.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { documentedEvents } from "../docs/documented-events.ts";
import { JSON_TYPE, MSGPACK_TYPE, mutants } from "../fuzz/fuzz-inputs.ts";
import { RECORDED } from "../fuzz/recorded-messages.ts";
import { documentedCodes } from "../gateway/documented-codes.ts";
import { PARSED_MAP } from "../gateway/gateway-world.ts";
import { poisonEntry, START_MS } from "../shards/a-shard.ts";
import { startNats } from "../start-nats.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

/** Parts of all ids, texts and secrets that are sent: nothing that a node writes has one of these in it. */
const MARKS = ["Qzj7wvx", "Hk4pyfb", "Xm9trcd"] as const;
const [ID, TEXT, SECRET] = MARKS;
const FUZZED = 3_000;
const JSON_LINES = ["--log-format", "json"];

const event = {
  id: `event-${ID}-1`,
  user: `user-${ID}`,
  type: "view",
  ts: START_MS,
  item: `item-${ID}`,
  peer: `peer-${ID}`,
  text: `I love ${TEXT}`,
  query: `where is ${TEXT}`,
  context: { referrer: `https://${TEXT}.example/?q=${TEXT}` },
  traits: { name: TEXT },
  consent: { text: true, social: true },
};

test("whatever goes wrong, a node writes no id, no text and no secret, and it lives through it", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-hygiene-"));
  const segments = await definitionsFile(folder, { version: 1, maps: [PARSED_MAP] });
  const said: string[] = [];
  const logged: string[] = [];
  const hear = (line: string): void => {
    said.push(line);
    logged.push(line);
  };
  const start = () =>
    startNodeProcess(
      [
        "--nats",
        nats.url,
        "--data",
        folder,
        "--shards",
        "1",
        "--segments",
        segments,
        "--no-refit",
        ...JSON_LINES,
      ],
      { said: hear, printed: (line) => void said.push(line) },
    );
  let node = await start();
  const connection = await connectNats({ servers: [nats.url], name: "hygiene test" });
  const client = await connectClient({ nats: nats.url, data: folder, prefix: "resonance" }, "hygiene test");
  const subjects = subjectsOf("resonance");
  const ask = (subject: string, data: Uint8Array, contentType = "") =>
    client.bus.request(subject, data, { timeoutMs: 10_000, contentType }).catch((thrown: unknown) => thrown);
  try {
    const documented = documentedCodes();
    const all = { endpoints: ["ingest", "score", "score.batch", "score.session", "segments.put", "content"] };
    const next = mutants({ ...all, types: [JSON_TYPE, MSGPACK_TYPE], recorded: markedMessages() }, 17);
    for (let sent = 0; sent < FUZZED; sent += 20)
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const { endpoint, data, contentType } = next();
          const header = /^[\x20-\x7e]*$/.test(contentType) ? contentType : ""; // Others no client sends.
          const { error } = await client.bus.request(subjects.api(endpoint), data, {
            timeoutMs: 10_000,
            contentType: header,
          });
          if (error !== undefined) expect(documented).toContain(error.code);
          expect(error?.code).not.toBe("INTERNAL");
          expect(JSON.stringify(error ?? "")).not.toMatch(MARKED);
        }),
      );

    // What no gateway lets through: entries that throw, that can't be read, and other streams' garbage.
    const log = await NatsLog.over(connection);
    const poison = poisonEntry({ id: `poison-${ID}`, user: `user-${ID}`, type: TEXT, tsMs: START_MS });
    const unreadable = Uint8Array.of(1, ...encode({ [TEXT]: ID }), ...encode(`${ID} ${TEXT}`));
    const garbage = new TextEncoder().encode(`${ID} "${TEXT}" {${SECRET}}`);
    await log.append(subjects.shardLog(0), [
      { id: "poison", data: poison },
      { id: "unreadable", data: unreadable },
      { id: "garbage", data: garbage },
    ]);
    await log.append(subjects.samples, [{ id: "garbage", data: garbage }]);
    for (const name of ["score", "session", "content", "holding", "traffic", "histories", "compare", "drift"])
      for (const data of [
        garbage,
        encode({ users: [{ [ID]: TEXT }], user: { [ID]: 1 }, behaviours: [ID], map: ID }),
      ])
        await ask(subjects.shard(0, name), data);
    for (const name of ["train", "training", "calibrate", "whatif", "drift"])
      for (const data of [garbage, encode({ kinds: [ID], rollOut: ID, maps: ID, sample: TEXT })])
        await ask(subjects.profileActor(name), data);
    await ask(subjects.api("explain"), encode({ user: `user-${ID}`, segments: [ID] }), MSGPACK_TYPE);
    const status = await untilFolded(client);
    expect(status.ready).toBe(true);
    expect(said.join("\n")).toMatch(/set aside \((INTERNAL|LOG_ENTRY_UNREADABLE)\)/);
    expect(said.join("\n")).toMatch(/entry \d+ of user#[0-9a-f]{8}/);

    // Its stores are damaged while it is away, and it starts over them.
    await node.stop();
    for (const place of ["shards/0", "profiles"]) {
      const file = join(folder, place, "data.mdb");
      await truncate(file, 20_000);
      await appendFile(file, `${ID}${TEXT}${SECRET}`);
    }
    node = await start();
    expect((await untilFolded(client)).ready).toBe(true);
    expect(said.join("\n")).toMatch(/was set aside as/);
    // A server that is not there, named with a secret.
    const address = `nats://operator:${SECRET}@127.0.0.1:1`;
    const other = ["--nats", address, "--data", join(folder, "other"), ...JSON_LINES];
    const failed = await startNodeProcess(other, {
      said: hear,
      printed: (line) => void said.push(line),
    }).catch((thrown: unknown) => thrown);
    expect(failed).toBeInstanceOf(Error);
    expect(said.join("\n")).toContain("NATS_UNREACHABLE");

    expect(said.filter((line) => MARKED.test(line))).toEqual([]);
    const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of lines) {
      expect(documentedEvents()).toContain(line["event"]);
      expect(["info", "warn", "error"]).toContain(line["level"]);
      expect(String(line["time"])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      if (line["event"] !== "node.failed") expect(String(line["node"])).toMatch(/^[\w-]+$/);
    }
    const setAside = lines.find((line) => line["event"] === "entry.set-aside");
    expect(setAside).toMatchObject({ level: "warn", unit: "shard-0", code: expect.any(String) });
    expect(await marksInReasons(connection, subjects.deadLetters)).toEqual([]);
    expect(await marksInLogs(folder)).toEqual([]);
  } finally {
    await client.close();
    await connection.close();
    await node.stop();
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 180_000);

test("keys over HTTP, sign-ins at the console and erasures leave no key and no id in lines, errors and files", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-hygiene-"));
  const segments = await definitionsFile(folder, { version: 1, maps: [PARSED_MAP] });
  const keysFile = join(folder, "keys.json");
  const keys = {
    producer: aMarkedKey("producer"),
    reader: aMarkedKey("reader"),
    operator: aMarkedKey("operator"),
  };
  await writeKeysFile(
    keysFile,
    Object.entries(keys).map(([role, key]) => ({
      ...{ name: `the-${role}`, role: role as HttpRole, sha256: hashOfKey(key), origins: [] },
    })),
  );
  const said: string[] = [];
  const listeners = ["--http", "127.0.0.1:0", "--http-keys", keysFile, "--admin", "0"];
  const node = await startNodeProcess(
    [
      ...["--nats", nats.url, "--data", folder, "--shards", "1", "--segments", segments, "--no-refit"],
      ...[...listeners, ...JSON_LINES],
    ],
    { said: (line) => void said.push(line), printed: (line) => void said.push(line) },
  );
  const client = await connectClient({ nats: nats.url, data: folder, prefix: "resonance" }, "hygiene test");
  const http = String((node.ready["http"] as Record<string, unknown>)["url"]);
  const admin = String((node.ready["admin"] as Record<string, unknown>)["url"]);
  try {
    const documented = documentedCodes();
    /** @returns The code of the failure, which repeats nothing; undefined of what succeeds, which may tell of the user. */
    const codeOf = async (url: string, given: RequestInit = {}): Promise<string | undefined> => {
      const reply = await fetch(url, given);
      const text = await reply.text();
      expect(`${JSON.stringify([...reply.headers])}${reply.ok ? "" : text}`).not.toMatch(MARKED);
      if (reply.ok) return undefined;
      const { code } = JSON.parse(text) as { code: string };
      expect(documented).toContain(code);
      return code;
    };
    const bearer = (key: string) => ({ authorization: `Bearer ${key}`, "content-type": "application/json" });
    const post = (url: string, key: string, body: unknown) =>
      codeOf(url, { method: "POST", headers: bearer(key), body: JSON.stringify(body) });

    expect(await post(`${http}/v1/ingest`, keys.producer, event)).toBe(undefined);
    expect(await post(`${http}/v1/ingest`, keys.producer, { ...event, [TEXT]: ID })).toBe(undefined);
    expect(await post(`${http}/v1/ingest`, `${keys.producer}x`, event)).toBe("UNAUTHENTICATED");
    expect(await post(`${http}/v1/ingest`, keys.reader, event)).toBe("FORBIDDEN");
    expect(await post(`${http}/v1/score`, keys.reader, { user: event.user })).toBe(undefined);
    expect(await post(`${http}/v1/score`, keys.reader, { user: event.user, map: ID })).toBe("UNKNOWN_MAP");
    expect(await post(`${http}/v1/score`, keys.operator, { user: event.user })).toBe("FORBIDDEN");
    const call = { type: "track", userId: event.user, event: TEXT, messageId: event.id };
    const batch = (writeKey: string) => ({
      method: "POST",
      body: JSON.stringify({ writeKey, batch: [call] }),
    });
    expect(await codeOf(`${http}/v1/batch`, batch(keys.producer))).toBe(undefined);
    expect(await codeOf(`${http}/v1/batch`, batch(`${keys.producer}x`))).toBe("UNAUTHENTICATED");
    expect(await codeOf(`${http}/${keys.producer}?key=${SECRET}&user=${ID}`)).toBe("UNKNOWN_ROUTE");
    expect(await codeOf(`${http}/v1/ingest/%zz${SECRET}`, { method: "POST" })).toMatch(
      /BAD_REQUEST|UNKNOWN_ROUTE/,
    );
    const basic = { authorization: `Basic ${Buffer.from(`${SECRET}:${SECRET}`).toString("base64")}` };
    expect(await codeOf(`${http}/v1/ingest`, { method: "POST", headers: basic })).toBe("UNAUTHENTICATED");

    const console = `${admin}/console/v1`;
    expect(await codeOf(`${console}/operator`, { headers: bearer(keys.operator) })).toBe(undefined);
    expect(await codeOf(`${console}/operator`, { headers: bearer(`${keys.operator}x`) })).toBe(
      "UNAUTHENTICATED",
    );
    expect(await codeOf(`${console}/operator`, { headers: bearer(keys.reader) })).toBe("FORBIDDEN");
    expect(await codeOf(`${console}/node`, { headers: bearer(keys.producer) })).toBe("FORBIDDEN");
    expect(await codeOf(`${console}/visitor?user=${event.user}`)).toBe(undefined);
    expect(await codeOf(`${console}/visitor?user=${event.user}&map=${ID}`)).toBe("UNKNOWN_MAP");
    expect(await codeOf(`${console}/segments/${ID}/standing?segment=${TEXT}`)).toEqual(expect.any(String));
    expect(await codeOf(`${console}/experiments/${ID}`)).toBe("UNKNOWN_EXPERIMENT");
    expect(await post(`${console}/dead-letters/${ID}/retry`, keys.operator, {})).toEqual(expect.any(String));
    expect(await post(`${console}/experiments/${ID}/stop`, keys.operator, {})).toBe("UNKNOWN_EXPERIMENT");
    expect(await post(`${console}/segments/${ID}/threshold`, keys.operator, { [ID]: TEXT })).toEqual(
      expect.any(String),
    );

    for (const body of [
      { erasure: `erasure-${ID}` },
      { user: { [ID]: ID } },
      { user: event.user, [ID]: TEXT },
    ]) {
      const refusal = await client.ask("erase", body).catch((thrown: unknown) => thrown);
      expect(refusal).toBeInstanceOf(EngineError);
      expect(JSON.stringify((refusal as EngineError).toWire())).not.toMatch(MARKED);
    }
    await client.ask("export", { user: event.user });
    const erased = await client.ask("erase", { user: event.user, waitMs: 30_000 }, 40_000);
    expect(erased).toMatchObject({ state: "done" });
    expect(JSON.stringify(erased)).not.toMatch(MARKED);
    await untilFolded(client);
    await node.stop();

    expect(said.filter((line) => MARKED.test(line))).toEqual([]);
    const trail = said
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line["event"] === "operator.request");
    const by = (name: string | undefined) => trail.filter((line) => line["by"] === name).length;
    expect([by("the-operator"), by("the-reader"), by(undefined)]).toEqual([4, 1, 6]);
    expect(await marksInLogs(folder)).toEqual([]);
  } finally {
    await client.close();
    await node.stop();
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

/** A key that scanners would find, and that has a mark in it. */
function aMarkedKey(role: HttpRole): string {
  const key = newKey(role, () => Buffer.from(SECRET.padEnd(32, role), "base64url"));
  expect(key).toMatch(MARKED);
  return key;
}

const MARKED = new RegExp(MARKS.join("|"));

/** Valid messages in which every text is marked. */
function markedMessages(): Record<string, readonly unknown[]> {
  return {
    ...RECORDED,
    ingest: [event, { events: [event, { ...event, id: `event-${ID}-2`, type: "purchase", value: 5 }] }],
    score: [{ user: event.user }, { user: event.user, map: "life", context: event.context }],
    "score.session": [{ events: [event] }],
    "score.batch": [{ users: [event.user, `other-${ID}`] }],
  };
}

/** Reasons of dead letters with a mark; their entries have some, which is what they are kept for. */
async function marksInReasons(
  connection: Awaited<ReturnType<typeof connectNats>>,
  stream: string,
): Promise<unknown[]> {
  const reader = await (await NatsLog.over(connection)).read(stream, 1);
  const letters = (await reader.next(100)).map(({ data }) => decode(data) as Record<string, unknown>);
  await reader.close();
  expect(letters.length).toBeGreaterThanOrEqual(3);
  return letters.filter(({ data, ...rest }) => MARKED.test(JSON.stringify(rest)));
}

/** Files of the data folder that are meant to be read by people, with a mark. */
async function marksInLogs(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  const found: string[] = [];
  for (const file of files.filter((name) => /\.(log|json|txt)$/.test(name)))
    if (MARKED.test(await readFile(join(folder, file), "latin1"))) found.push(file);
  return found;
}
