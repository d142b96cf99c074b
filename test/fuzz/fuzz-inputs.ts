import fc from "fast-check";
import { encode } from "../../src/kernel/msgpack.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { mutateBytes, mutateValue, NASTY_TEXTS, nastyJson, pick } from "./mutate.ts";
import { RECORDED } from "./recorded-messages.ts";

export const JSON_TYPE = "application/json";
export const MSGPACK_TYPE = "application/msgpack";

/** One input: what is sent, where, and as what. */
export type FuzzInput = Readonly<{ endpoint: string; data: Uint8Array; contentType: string }>;
/** What inputs are made for: endpoints, how they are written, and valid messages to begin with. */
export type FuzzShape = Readonly<{
  endpoints: readonly string[];
  types: readonly string[];
  recorded: Readonly<Record<string, readonly unknown[]>>;
}>;

/** Mutants of recorded valid messages, the same ones for the same seed. */
export function mutants(shape: FuzzShape, seed: number): () => FuzzInput {
  const random = seededRandom(seed);
  return () => {
    const { endpoint, contentType } = placeOf(shape, random);
    const recorded = shape.recorded[endpoint] ?? [];
    const written = recorded.map((value) => writtenAs(contentType, random, value));
    const data =
      random() < 0.5
        ? mutateBytes(random, written)
        : writtenAs(contentType, random, changed(random, pick(random, recorded)));
    return {
      endpoint,
      data,
      contentType: random() < 0.01 ? pick(random, NASTY_TEXTS) : contentType,
    };
  };
}

/** One in ten stays as it is: what mutants leave behind must not harm it. */
function changed(random: Random, value: unknown): unknown {
  return random() < 0.1 ? value : mutateValue(random, value);
}

/** What fast-check makes up: any values, values in the shape of requests, valid ones with fields exchanged, any bytes. */
export function madeUp(shape: FuzzShape): fc.Arbitrary<FuzzInput> {
  const anything = fc.anything({
    withNullPrototype: true,
    maxDepth: 4,
    key: fc.oneof(fc.constantFrom(...FIELDS), fc.string({ unit: "binary", maxLength: 20 })),
  });
  const value = fc.oneof(
    anything,
    fc.dictionary(fc.constantFrom(...FIELDS), fc.oneof(anything, fc.constantFrom<unknown>(...PLAIN)), {
      maxKeys: 8,
    }),
    fc.record({ events: fc.array(anything, { maxLength: 5 }) }),
  );
  const placed = fc.constantFrom(...shape.endpoints).chain((endpoint) => {
    const valid = fc.constantFrom(...(shape.recorded[endpoint] ?? [{}]));
    const fields = fc.dictionary(fc.constantFrom(...FIELDS), anything, { maxKeys: 2 });
    const near = fc.tuple(valid, fields).map(([given, more]) => ({ ...(given as object), ...more }));
    return fc.tuple(fc.constant(endpoint), fc.oneof(value, near));
  });
  return fc
    .record({
      placed,
      contentType: fc.constantFrom(...shape.types),
      raw: fc.oneof(
        { weight: 9, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
      ),
    })
    .map(({ placed: [endpoint, given], contentType, raw }) => ({
      endpoint,
      contentType,
      data: raw ?? writtenAs(contentType, () => 0, given),
    }));
}

/** Names of fields, and values that go into some of them: by chance alone hardly anything would come near to be valid. */
const FIELDS = [
  ...new Set(
    Object.values(RECORDED)
      .flat()
      .flatMap((value) => Object.keys(value as object)),
  ),
];
const PLAIN = [
  "ada",
  "life",
  "view",
  "home",
  1,
  Date.UTC(2026, 0, 5),
  "2026-01-05T10:00:00Z",
  true,
  ["ada"],
  {},
  [],
];

function placeOf({ endpoints, types }: FuzzShape, random: Random): { endpoint: string; contentType: string } {
  return { endpoint: pick(random, endpoints), contentType: pick(random, types) };
}

/** A value that can't be written is written as its text: any bytes will do. */
function writtenAs(contentType: string, random: Random, value: unknown): Uint8Array {
  try {
    return contentType === JSON_TYPE ? nastyJson(random, value) : encode(value);
  } catch (thrown) {
    return Buffer.from(String(thrown));
  }
}
