import type { LatencySummary } from "./latency-recorder.ts";

/** What a load process is asked to do; plain data, since it crosses processes. */
export type LoadTask = EchoTask | ClosedTask | OpenTask | ConsumeTask | PublishTask | VisibleTask;

/** Answers requests until the process is closed: with what it got, or with so many bytes. */
export type EchoTask = Readonly<{ kind: "echo"; url: string; subject: string; replyBytes?: number }>;

/** One request, encoded before the clock runs. */
export type EncodedRequest = Readonly<{ subject: string; data: Uint8Array }>;

type Requests = Readonly<{
  url: string;
  requests: readonly EncodedRequest[];
  /** Sent as `Content-Type`; none for JSON. */
  contentType?: string;
}>;

/** Requests one after the other, `inFlight` at a time. */
export type ClosedTask = Requests &
  Readonly<{
    kind: "closed";
    inFlight: number;
    /** Who sends: at the least cost by default, or as the client library does. */
    client?: "lean" | "library";
    /** Not counted, before. */
    warmUpMs: number;
    /** How long to go on, round and round; without it every request is sent once, and no warm-up is made. */
    durationMs?: number;
  }>;

/** Requests at the times of a schedule, round and round. */
export type OpenTask = Requests &
  Readonly<{ kind: "open"; perSecond: number; warmUpMs: number; durationMs: number }>;

/** Events of users of whom nothing is held, each followed by a score that must know its user. */
export type VisibleTask = Readonly<{
  kind: "visible";
  url: string;
  prefix: string;
  events: readonly { readonly user: string; readonly data: Uint8Array }[];
  perSecond: number;
  warmUpMs: number;
  durationMs: number;
}>;

/** Reads streams to the end with plain consumers. */
export type ConsumeTask = Readonly<{
  kind: "consume";
  url: string;
  streams: readonly { readonly name: string; readonly from: number; readonly count: number }[];
  /** A pushing consumer, or the client library's ordered one, which pulls. */
  way: "push" | "ordered";
}>;

/** Publishes to streams with acknowledgements; each has one batch or window under way at a time. */
export type PublishTask = Readonly<{
  kind: "publish";
  url: string;
  streams: readonly { readonly name: string; readonly messages: readonly PublishedMessage[] }[];
  /** Messages an atomic batch, or single publishes under way. */
  batch: number;
  isAtomic: boolean;
}>;

/** `id` is sent as the message id that the server recognises a repeat by; none if empty. */
export type PublishedMessage = Readonly<{ id: string; data: Uint8Array }>;

/** What a load process found. */
export type LoadResult = Readonly<{
  /** Requests that ended, or messages. */
  count: number;
  /** Those of them that were refused or not answered; their latency counts as ten seconds at least. */
  failed: number;
  /** Of the measured part, on the machine's clock, epoch ms with fractions: tells processes' times apart. */
  beganMs: number;
  endedMs: number;
  /** Cores that the load process itself kept busy. */
  cores: number;
  /** Of single requests; nothing for streams. */
  latency: LatencySummary;
  /** How late the generator itself sent what was due: a part of each latency of an open loop. */
  late: LatencySummary;
  /** By second since the beginning: requests that ended, and the 99th percentile of their latency, ms. */
  bySecond: readonly { readonly second: number; readonly count: number; readonly p99Ms: number }[];
  /** The last reply that was a refusal; empty if none was, or none came. */
  lastFailure: Uint8Array;
  /** The last answer, as a sample of what was measured. */
  lastReply: Uint8Array;
}>;
