import { test } from "vitest";
import { incompleteBeta } from "../../src/kernel/incomplete-beta.ts";
import { expectWithin } from "./relative.ts";

/** The distribution function of Student's t distribution, which needs the incomplete beta function in its tails. */
function studentTCdf(t: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

// The first is of METHODS 4.6, the others of scipy.
test.for([
  [2.5, 10, 0.9842765778816955],
  [-1.2, 3.7, 0.15064618907593966],
  [0, 5, 0.5],
  [-6, 200, 4.557560174405173e-9],
] as const)("t = %f, %f degrees of freedom", ([t, degrees, expected]) =>
  expectWithin(studentTCdf(t, degrees), expected, 1e-10),
);
