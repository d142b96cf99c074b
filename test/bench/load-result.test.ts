import { expect, test } from "vitest";
import { LoadRecorder } from "../../bench/harness/load-result.ts";
import { failuresOf } from "../../bench/harness/request-figures.ts";

test("a request that failed counts as one of ten seconds, however fast the refusal came", () => {
  const recorder = new LoadRecorder();
  for (let i = 0; i < 98; i++) recorder.answered(1, true);
  recorder.answered(0.1, false);
  recorder.answered(0.1, false);
  const { count, failed, latency } = recorder.result();
  expect([count, failed]).toEqual([100, 2]);
  expect(latency.p50Ms).toBeCloseTo(1, 2);
  expect(latency.p99Ms).toBeGreaterThan(9_900);
});

test("what came before the measurement began is forgotten", () => {
  const recorder = new LoadRecorder();
  recorder.answered(500, false);
  recorder.begin();
  recorder.answered(1, true);
  expect(recorder.result()).toMatchObject({ count: 1, failed: 0 });
  expect(recorder.result().latency.maxMs).toBeCloseTo(1, 2);
});

test("failures are told with their number and the last refusal's words", () => {
  const recorder = new LoadRecorder();
  recorder.answered(1, true);
  expect(failuresOf([recorder.result()])).toBeUndefined();
  recorder.answered(1, false);
  recorder.lastFailure = new TextEncoder().encode('{"code":"OVERLOADED"}');
  expect(failuresOf([recorder.result()])).toBe('1 of 2 requests failed, the last one: {"code":"OVERLOADED"}');
});
