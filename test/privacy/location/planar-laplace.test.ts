import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../../src/kernel/random.ts";
import { planarLaplace, planarLaplaceRadius } from "../../../src/privacy/location/planar-laplace.ts";

test("radii are those of METHODS 1.6", () => {
  expect(planarLaplaceRadius(1, 0.5)).toBeCloseTo(1.67834699, 8);
  expect(planarLaplaceRadius(1, 0.95)).toBeCloseTo(4.7438645184, 9);
});

test("the radius has the distribution function 1 - (1 + epsilon r) e^(-epsilon r)", () => {
  const holds = (epsilon: number, chance: number) => {
    const scaled = epsilon * planarLaplaceRadius(epsilon, chance);
    expect(scaled).toBeGreaterThanOrEqual(0);
    expect(1 - (1 + scaled) * Math.exp(-scaled)).toBeCloseTo(chance, 9);
  };
  const chance = fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true });
  fc.assert(fc.property(fc.double({ min: 1e-4, max: 50, noNaN: true }), chance, holds));
});

test("places are moved by 2 / epsilon on average, in all directions, and stay on the earth", () => {
  const random = seededRandom(3);
  const count = 20_000;
  let metres = 0;
  let north = 0;
  for (let i = 0; i < count; i++) {
    const moved = planarLaplace({ lat: 48, lon: 11.5 }, 0.002, [random(), random()]);
    const up = (moved.lat - 48) * 111_320;
    const right = (moved.lon - 11.5) * 111_320 * Math.cos((48 * Math.PI) / 180);
    metres += Math.hypot(up, right) / count;
    north += up / count;
  }
  expect(metres).toBeGreaterThan(980);
  expect(metres).toBeLessThan(1_020);
  expect(Math.abs(north)).toBeLessThan(20);
  for (const lat of [-90, 90]) {
    const moved = planarLaplace({ lat, lon: 180 }, 1e-5, [0.3, 0.99]);
    expect(Math.abs(moved.lat)).toBeLessThanOrEqual(90);
    expect(Math.abs(moved.lon)).toBeLessThanOrEqual(180);
  }
});
