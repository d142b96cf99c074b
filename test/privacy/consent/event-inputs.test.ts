import fc from "fast-check";
import { expect, test } from "vitest";
import { ALL_FAMILIES } from "../../../src/features/all-families.ts";
import {
  FAMILY_INPUTS,
  INPUTS,
  type Input,
  SEEN_BY_INPUTS,
  withoutInputs,
} from "../../../src/privacy/consent/event-inputs.ts";
import { ordinaryEvent } from "../../features/some-events.ts";

const NAMES = Object.keys(INPUTS) as Input[];

test("a family's state changes with an input only if the table says that it reads it", () => {
  const holds = (events: Parameters<typeof withoutInputs>[0][], input: Input) => {
    for (const family of ALL_FAMILIES) {
      if (FAMILY_INPUTS[family.name]?.includes(input) === true) continue;
      const [whole, without] = [new Float64Array(family.slots), new Float64Array(family.slots)];
      for (const event of events) {
        family.fold(whole, 0, event);
        const left = { ...event };
        withoutInputs(left, INPUTS[input].bit);
        family.fold(without, 0, left);
      }
      expect(without).toEqual(whole);
    }
  };
  fc.assert(fc.property(fc.array(ordinaryEvent, { maxLength: 12 }), fc.constantFrom(...NAMES), holds));
});

test("families that see nothing without their inputs are those of the table", () => {
  const everything = NAMES.reduce((bits, input) => bits | INPUTS[input].bit, 0);
  const holds = (given: Parameters<typeof withoutInputs>[0]) => {
    const event = { ...given };
    withoutInputs(event, everything);
    for (const name of SEEN_BY_INPUTS) {
      const family = ALL_FAMILIES.find((one) => one.name === name);
      if (family === undefined) throw new Error(`no family is called ${name}`);
      const slab = new Float64Array(family.slots);
      family.fold(slab, 0, event);
      expect(slab.every((slot) => slot === 0)).toBe(true);
    }
  };
  fc.assert(fc.property(ordinaryEvent, holds));
});

test("it is told what there was to take out, and each input has a family that answers for it", () => {
  const holds = (given: Parameters<typeof withoutInputs>[0], input: Input) => {
    const event = { ...given };
    const had = withoutInputs(event, INPUTS[input].bit);
    expect(had).toBe(JSON.stringify(event) === JSON.stringify(given) ? 0 : INPUTS[input].bit);
    expect(withoutInputs(event, INPUTS[input].bit)).toBe(0);
  };
  fc.assert(fc.property(ordinaryEvent, fc.constantFrom(...NAMES), holds));
  const names = ALL_FAMILIES.map(({ name }) => name);
  for (const { owner } of Object.values(INPUTS)) expect(names).toContain(owner);
});
