import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteArena } from "../../src/kernel/byte-arena.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { JsonReplyWriter } from "../../src/resonance/json-reply-writer.ts";
import { MsgpackReplyWriter } from "../../src/resonance/msgpack-reply-writer.ts";
import type { ReplyFacts, ReplyValues, ReplyWriter } from "../../src/resonance/reply-writer.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";

const FORMATS = [
  {
    name: "JSON",
    writer: (facts: ReplyFacts): ReplyWriter => new JsonReplyWriter(facts, new ByteArena()),
    read: (bytes: Uint8Array) =>
      JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as ScoreAnswer,
    probabilityError: 5.1e-13,
    similarityError: 5.1e-9,
  },
  {
    name: "MessagePack",
    writer: (facts: ReplyFacts): ReplyWriter => new MsgpackReplyWriter(facts, new ByteArena()),
    read: (bytes: Uint8Array) => decode(bytes) as ScoreAnswer,
    probabilityError: 0,
    similarityError: 0,
  },
];

const anyName = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  fc.string({ minLength: 1, maxLength: 40, unit: "binary" }), // Quotes, control characters, anything well-formed.
);
/** As definitions take them: the reserved words are refused there, and one is what the decoder renames. */
const aMapName = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
  .filter((name) => !["__proto__", "constructor", "prototype"].includes(name));
const aShare = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 1e-9, 1 - 1e-13));
const aCosine = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(-1, 1, 0, -1e-12));
const anAge = fc.option(
  fc.oneof(fc.nat(), fc.integer({ min: 0, max: 1e12 }), fc.double({ min: 0, max: 1e9, noNaN: true })),
);

const aCase = fc.uniqueArray(anyName, { maxLength: 20 }).chain((segments) => {
  const each = <T>(value: fc.Arbitrary<T>, extra = 0) =>
    fc.array(value, { minLength: segments.length + extra, maxLength: segments.length + extra });
  return fc.uniqueArray(aMapName, { minLength: 1, maxLength: 3 }).chain((maps) =>
    fc.record({
      facts: fc.record({
        map: fc.constant(maps[0] ?? ""),
        segments: fc.constant(segments),
        maps: fc.constant(maps),
        shard: fc.nat({ max: 4096 }),
        versions: fc.record({
          encoder: fc.string(),
          trained: fc.boolean(),
          profiles: fc.constant(Object.fromEntries(maps.map((map, m) => [map, m]))),
          segments: fc.nat(),
        }),
      }),
      // Two, since the second must not show anything of the first.
      answers: fc.array(
        fc.record({
          user: fc.string({ minLength: 1, maxLength: 128, unit: "binary" }),
          known: fc.boolean(),
          isRefused: fc.boolean(),
          probabilities: each(aShare, 1),
          similarities: each(aCosine),
          resonating: each(fc.nat({ max: 1 })),
          evidence: fc.double({ min: 0, max: 1e9, noNaN: true }),
          contextMs: anAge,
          profilesMs: fc.array(anAge, { minLength: maps.length, maxLength: maps.length }),
          sequence: fc.maxSafeNat(),
          decision: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
          top: fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined }),
        }),
        { minLength: 2, maxLength: 2 },
      ),
    }),
  );
});

describe.each(FORMATS)("an answer as $name", ({ writer, read, probabilityError, similarityError }) => {
  test("is what a plain encoding of the same answer would be, field for field and in their order", () => {
    fc.assert(
      fc.property(aCase, ({ facts, answers }) => {
        const writing = writer(facts);
        const written = answers.map((answer) => writing.write(valuesOf(answer)));
        for (const [i, answer] of answers.entries()) {
          const told = read(written[i] ?? new Uint8Array());
          const plain = plainAnswer(facts, valuesOf(answer));
          expect(Object.keys(told)).toEqual(Object.keys(plain));
          expect({ ...told, segments: [], none: 0 }).toEqual({ ...plain, segments: [], none: 0 });
          expect(Math.abs(told.none - plain.none)).toBeLessThanOrEqual(probabilityError);
          expect(told.segments.map(namesAndFlags)).toEqual(plain.segments.map(namesAndFlags));
          for (const [k, segment] of plain.segments.entries()) {
            const { probability = Number.NaN, similarity = Number.NaN } = told.segments[k] ?? {};
            expect(Math.abs(probability - segment.probability)).toBeLessThanOrEqual(probabilityError);
            expect(Math.abs(similarity - segment.similarity)).toBeLessThanOrEqual(similarityError);
          }
        }
      }),
    );
  });

  test("of a distribution over many segments sums to 1", () => {
    const segments = Array.from({ length: 1_024 }, (_, k) => `s${k}`);
    const weights = Array.from({ length: 1_025 }, (_, k) => 1 / (k + 3));
    const sum = weights.reduce((total, weight) => total + weight);
    const values = {
      ...valuesOf(AN_ANSWER),
      probabilities: Float64Array.from(weights, (weight) => weight / sum),
    };
    const told = read(writer({ ...FACTS, segments }).write(values));
    expect(told.segments.reduce((total, segment) => total + segment.probability, told.none)).toBeCloseTo(
      1,
      9,
    );
  });

  test("names the strongest segments first, and of equal ones the first defined, if so many are asked for", () => {
    const segments = ["a", "b", "c", "d"];
    const probabilities = Float64Array.of(0.1, 0.3, 0.2, 0.3, 0.1);
    const tops = (top: number) =>
      read(writer({ ...FACTS, segments }).write({ ...valuesOf(AN_ANSWER), probabilities, top })).segments.map(
        ({ segment }) => segment,
      );
    expect(tops(1)).toEqual(["b"]);
    expect(tops(3)).toEqual(["b", "d", "c"]);
    expect(tops(9)).toEqual(["b", "d", "c", "a"]);
  });
});

const FACTS: ReplyFacts = {
  map: "life",
  segments: [],
  maps: ["life"],
  shard: 3,
  versions: { encoder: "e", trained: true, profiles: { life: 2 }, segments: 1 },
};

const AN_ANSWER = {
  user: "ada",
  known: true,
  isRefused: false,
  probabilities: [1],
  similarities: [] as number[],
  resonating: [] as number[],
  evidence: 1,
  contextMs: 5,
  profilesMs: [7],
  sequence: 9,
  decision: "d-1",
  top: undefined,
};

function valuesOf(
  given: {
    readonly [Key in keyof ReplyValues]: ReplyValues[Key] extends Float64Array | Uint8Array
      ? readonly number[]
      : ReplyValues[Key];
  },
): ReplyValues {
  return {
    ...given,
    probabilities: Float64Array.from(given.probabilities),
    similarities: Float64Array.from(given.similarities),
    resonating: Uint8Array.from(given.resonating),
  };
}

/** The answer as plain data, by the way that is easy to follow. */
function plainAnswer(facts: ReplyFacts, values: ReplyValues): ScoreAnswer {
  const all = facts.segments.map((segment, k) => ({
    segment,
    probability: values.probabilities[k] ?? 0,
    similarity: values.similarities[k] ?? 0,
    resonating: values.resonating[k] === 1,
  }));
  const segments =
    values.top === undefined
      ? all
      : all.toSorted((a, b) => b.probability - a.probability).slice(0, values.top); // Sorting keeps the order of equals.
  return {
    user: values.user,
    map: facts.map,
    known: values.known,
    segments,
    none: values.probabilities[facts.segments.length] ?? 0,
    evidence: values.evidence,
    versions: facts.versions,
    ages: {
      contextMs: values.contextMs,
      profilesMs: Object.fromEntries(facts.maps.map((map, m) => [map, values.profilesMs[m] ?? null])),
    },
    position: { shard: facts.shard, sequence: values.sequence },
    decision: values.decision,
    ...(values.isRefused ? { reason: "consent" as const } : {}),
  };
}

function namesAndFlags({ segment, resonating }: ScoreAnswer["segments"][number]) {
  return { segment, resonating };
}
