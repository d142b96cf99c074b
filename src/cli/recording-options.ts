import { InvalidArgumentError } from "commander";
import { ENCODER_KINDS, type EncoderKind } from "../embedding/encoder-training.ts";
import type { MapLabel } from "./recording/segment-maps.ts";

/** Parses `NAME=LABEL`, for commander; the option may be given again. */
export function nameAndLabel(text: string, before: readonly MapLabel[] = []): MapLabel[] {
  const match = /^([A-Za-z0-9_-]{1,64})=(.+)$/.exec(text);
  const [, name, label] = match ?? [];
  if (name === undefined || label === undefined)
    throw new InvalidArgumentError("NAME=LABEL, such as gender=gender, please");
  if (before.some((map) => map.name === name))
    throw new InvalidArgumentError(`two maps of the name ${name}: each needs its own`);
  return [...before, { name, label }];
}

/** Parses kinds of encoder with commas between them, or `all`, for commander. */
export function encoderKinds(text: string): EncoderKind[] {
  if (text === "all") return [...ENCODER_KINDS];
  const kinds = [...new Set(text.split(","))].map((word) =>
    ENCODER_KINDS.find((kind) => kind === word.trim()),
  );
  if (kinds.every((kind) => kind !== undefined)) return kinds;
  throw new InvalidArgumentError(`${ENCODER_KINDS.join(", ")}, several with commas, or all, please`);
}
