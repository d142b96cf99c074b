import { expect, test } from "vitest";
import { RestartIntensity } from "../../src/supervisor/restart-intensity.ts";

test("a failure is answered with a restart whose wait doubles", () => {
  const intensity = new RestartIntensity({ restarts: 3, periodMs: 10_000 });
  expect(intensity.failed(0)).toEqual({ kind: "restart", afterMs: 50 });
  expect(intensity.failed(100)).toEqual({ kind: "restart", afterMs: 100 });
  expect(intensity.failed(300)).toEqual({ kind: "restart", afterMs: 200 });
});

test("more failures in the period than the intensity allows escalate", () => {
  const intensity = new RestartIntensity({ restarts: 2, periodMs: 10_000 });
  intensity.failed(0);
  intensity.failed(1);
  expect(intensity.failed(2)).toEqual({ kind: "escalate" });
});

test("failures older than the period are forgiven", () => {
  const intensity = new RestartIntensity({ restarts: 1, periodMs: 1_000 });
  intensity.failed(0);
  expect(intensity.failed(1_000)).toEqual({ kind: "restart", afterMs: 50 });
});
