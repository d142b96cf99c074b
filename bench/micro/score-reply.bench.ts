import { bench } from "vitest";
import { assert } from "../../src/kernel/assert.ts";
import { ByteArena } from "../../src/kernel/byte-arena.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { answerDigest, DecisionIds } from "../../src/resonance/decision-id.ts";
import { JsonReplyWriter } from "../../src/resonance/json-reply-writer.ts";
import { MsgpackReplyWriter } from "../../src/resonance/msgpack-reply-writer.ts";
import type { ReplyValues, ReplyWriter } from "../../src/resonance/reply-writer.ts";

const full = process.env["BENCH_SCALE"] === "full";
const ANSWERS = full ? 20_000 : 200;
const SEGMENTS = 64;
const random = seededRandom(42);

const segments = Array.from({ length: SEGMENTS }, (_, k) => `segment-${k}`);
const versions = { encoder: "linear-0123456789abcdef", trained: true, profiles: { bench: 7 }, segments: 1 };
const facts = { map: "bench", segments, versions, maps: ["bench"], shard: 3 };
const weights = Float64Array.from({ length: SEGMENTS + 1 }, () => random());
const sum = weights.reduce((total, weight) => total + weight);

const values: ReplyValues = {
  user: "visitor-4711",
  known: true,
  isRefused: false,
  probabilities: weights.map((weight) => weight / sum),
  similarities: Float64Array.from({ length: SEGMENTS }, () => 2 * random() - 1),
  resonating: new Uint8Array(SEGMENTS),
  evidence: 12.345,
  contextMs: 1_234,
  profilesMs: [56_789],
  sequence: 123_456,
  decision: "",
  top: undefined,
};

/** The same answer as plain data, for what the templates are better than. */
function plain() {
  return {
    user: values.user,
    map: facts.map,
    known: values.known,
    segments: segments.map((segment, k) => ({
      segment,
      probability: values.probabilities[k],
      similarity: values.similarities[k],
      resonating: values.resonating[k] === 1,
    })),
    none: values.probabilities[SEGMENTS],
    evidence: values.evidence,
    versions,
    ages: { contextMs: values.contextMs, profilesMs: { bench: values.profilesMs[0] } },
    position: { shard: facts.shard, sequence: values.sequence },
    decision: values.decision,
  };
}

function benchAnswers(name: string, write: () => Uint8Array): void {
  const bytes = write().length;
  bench(
    `${ANSWERS} answers of ${SEGMENTS} segments as ${name}, ${bytes} bytes each`,
    () => {
      let total = 0;
      for (let i = 0; i < ANSWERS; i++) total += write().length;
      assert(total === ANSWERS * bytes, "every answer is written");
    },
    { iterations: full ? 5 : 2, warmupIterations: 1, time: 0 },
  );
}

const ids = new DecisionIds([1, 2], "bench");
const bits = new Uint32Array(values.probabilities.buffer);
let applied = values.sequence;

/** The id as a shard makes it for each answer. */
function newDecision(): string {
  const digest = answerDigest(bits, SEGMENTS);
  const place = {
    kind: "known",
    key: facts.shard,
    applied: applied++,
    lastSequence: 123_400,
    digest,
  } as const;
  return ids.next({ ...place, atMs: 1_767_225_600_000 + applied, map: 0 }, values.user);
}
values.decision = newDecision();

const written = (writer: ReplyWriter) => () => writer.write(values);
const top = { ...values, top: 5 };
const json = new JsonReplyWriter(facts, new ByteArena());
const text = new TextEncoder();
benchAnswers("JSON, by template", written(json));
benchAnswers("JSON, by template, the strongest five", () => json.write(top));
benchAnswers("JSON, plain", () => text.encode(JSON.stringify(plain())));
benchAnswers("MessagePack, by template", written(new MsgpackReplyWriter(facts, new ByteArena())));
benchAnswers("MessagePack, plain", () => encode(plain()));
benchAnswers("JSON, by template, each with a new id", () => {
  values.decision = newDecision();
  return json.write(values);
});
bench(
  `${ANSWERS} ids of decisions`,
  () => {
    let total = 0;
    for (let i = 0; i < ANSWERS; i++) total += newDecision().length;
    assert(total === ANSWERS * values.decision.length, "every id is made");
  },
  { iterations: full ? 5 : 2, warmupIterations: 1, time: 0 },
);
