import { InvalidArgumentError } from "commander";
import { ENCODER_KINDS, type EncoderKind } from "../embedding/encoder-training.ts";
import { ARRIVAL_FIELDS } from "../features/arrival.ts";
import type { ContextLabel, MapLabel } from "./recording/segment-maps.ts";

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

/** Parses `FIELD=LABEL` of a context, for commander; the option may be given again. */
export function fieldAndLabel(text: string, before: readonly ContextLabel[] = []): ContextLabel[] {
  const at = text.indexOf("=");
  const field = ARRIVAL_FIELDS.find((one) => one === text.slice(0, at));
  const label = text.slice(at + 1);
  if (at < 0 || label === "" || field === undefined)
    throw new InvalidArgumentError(`FIELD=LABEL, with one of ${ARRIVAL_FIELDS.join(", ")}, please`);
  if (before.some((one) => one.field === field))
    throw new InvalidArgumentError(`the field ${field} comes from one label only`);
  return [...before, { field, label }];
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
