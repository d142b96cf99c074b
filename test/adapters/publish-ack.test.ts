import { expect, test } from "vitest";
import { readPublishAck } from "../../src/adapters/publish-ack.ts";
import { bytesOf } from "./log-messages.ts";

test.for([
  ['{"stream":"S","seq":1}', 1],
  ['{"stream":"RESONANCE_LOG_0", "seq":12345}', 12_345], // As servers up to 2.11 write it.
  ['{"stream":"seq","domain":"hub","seq":9007199254740991}', 9_007_199_254_740_991],
  ['{"stream":"S","seq":7,"duplicate":true}', 7],
  ['{ "seq": 3, "stream": "S" }', 3],
] as const)("%s acknowledges sequence %i", ([text, sequence]) => {
  expect(readPublishAck(bytesOf(text))).toBe(sequence);
});

test("a refusal is told with its code, though it names a sequence", () => {
  const error = { code: 503, err_code: 10077, description: "maximum messages exceeded" };
  expect(readPublishAck(bytesOf(JSON.stringify({ error, stream: "S", seq: 5 })))).toEqual(error);
});

test.for(["", "{", '{"stream":"S"}', '{"stream":"S","seq":0}', '{"stream":"S","seq":"5"}', "5", "null"])(
  "%s acknowledges nothing",
  (text) => {
    expect(readPublishAck(bytesOf(text))).toMatchObject({ code: 500 });
  },
);
