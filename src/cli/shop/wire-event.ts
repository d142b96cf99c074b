import type { Event } from "../../events/event.ts";

/** An event as services send it: `ts` in epoch milliseconds instead of `tsMs`, ready for JSON. */
export type WireEvent = Readonly<Omit<Event, "tsMs"> & { ts: number }>;

/** Turns an event into its wire form. */
export function toWire(event: Event): WireEvent {
  const { tsMs, ...rest } = event;
  return { ...rest, ts: tsMs };
}
