import { test } from "vitest";
import { studentTCdf } from "../../src/kernel/student-t.ts";
import { expectWithin } from "./relative.ts";

// The first is of METHODS 4.6, the others of scipy.
test.for([
  [2.5, 10, 0.9842765778816955],
  [-1.2, 3.7, 0.15064618907593966],
  [0, 5, 0.5],
  [-6, 200, 4.557560174405173e-9],
] as const)("t = %f, %f degrees of freedom", ([t, degrees, expected]) =>
  expectWithin(studentTCdf(t, degrees), expected, 1e-10),
);
