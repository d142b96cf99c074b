import type { EarlyCall, ResonanceSnippet, SnippetConsent, SnippetFields } from "./resonance.d.ts";

/** An event that waits; the node puts its time right by when the batch was sent. */
type Waiting = SnippetFields &
  Readonly<{ id: string; user: string; type: string; ts: number; consent: SnippetConsent | undefined }>;
/** What is kept of a visitor who agreed. */
type Kept = { user: string; answers: SnippetConsent; waiting: Waiting[] };

const KEY = "resonance";
/** Events a request: a browser lets no more than 64 KiB out of a page that closes. */
const BATCH_EVENTS = 20;
/** What is longer than a browser lets out so is sent as any request is. */
const KEEPALIVE_CHARS = 60_000;
/** Events that wait while nothing can be sent; the oldest go first. */
const WAITING_MAX = 500;
const WAIT_MS = 1_000;
const BACK_OFF_MAX_MS = 60_000;
const PATH_CHARS = 128;

const { src, dataset } = document.currentScript as HTMLScriptElement;
const url = `${dataset["url"] ?? new URL(src).origin}/v1/events`;
const nav = navigator as Navigator & { globalPrivacyControl?: boolean };
const mustAsk = dataset["consent"] === "required" || nav.globalPrivacyControl || nav.doNotTrack === "1";

const kept = readKept();
let answers: SnippetConsent | undefined = kept?.answers;
let user = kept?.user ?? newId();
let waiting = kept?.waiting ?? [];
let hasSeenPage = false;
/** Whether the engine may have heard of this visitor. */
let isHeardOf = kept?.user !== undefined;
let isSending = false;
let failures = 0;
let timer: number | undefined;

function mayTell(): boolean {
  return answers?.["personalisation"] ?? !mustAsk;
}

function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("");
}

function readKept(): Partial<Kept> | undefined {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return undefined; // A page that may not store, or something else's text.
  }
}

/** Keeps who this is, if they agreed to that, and nothing otherwise. */
function keep(): void {
  try {
    if (answers?.["personalisation"])
      localStorage.setItem(KEY, JSON.stringify({ user, answers, waiting } satisfies Kept));
    else localStorage.removeItem(KEY);
  } catch {
    // Then the visitor is a new one on the next page.
  }
}

function add(type: string, fields?: SnippetFields): void {
  waiting.push({ ...fields, id: newId(), user, type, ts: Date.now(), consent: answers });
  waiting = waiting.slice(-WAITING_MAX);
  if (waiting.length < BATCH_EVENTS) timer ??= setTimeout(flush, WAIT_MS);
  else if (failures === 0) void flush();
}

function tell(type: string, fields?: SnippetFields): void {
  if (mayTell()) add(type, fields);
}

function bodyOf(events: readonly Waiting[]): string {
  const context: Record<string, string> = { zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  if (!document.referrer.startsWith(location.origin)) context["referrer"] = document.referrer;
  for (const [name, value] of new URLSearchParams(location.search))
    if (/^utm_(source|medium|campaign)$/.test(name)) context[name] = value;
  return JSON.stringify({ key: dataset["key"], sentAt: Date.now(), context, events });
}

async function flush(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  const batch = waiting.slice(0, BATCH_EVENTS);
  if (isSending || batch.length === 0) return;
  isSending = isHeardOf = true;
  const body = bodyOf(batch);
  let waitMs = WAIT_MS;
  try {
    // A text without headers: so a browser need not ask first whether it may.
    const { status, headers } = await fetch(url, {
      method: "POST",
      body,
      keepalive: body.length < KEEPALIVE_CHARS,
    });
    if (status === 408 || status === 429 || status >= 500) throw headers.get("retry-after");
    waiting = waiting.filter((event) => !batch.includes(event));
    failures = 0;
  } catch (retryAfter) {
    const backOffMs = Math.min(BACK_OFF_MAX_MS, WAIT_MS * 2 ** failures++) * (0.5 + Math.random() / 2);
    waitMs = Math.max(backOffMs, Number(retryAfter) * 1_000 || 0);
  }
  isSending = false;
  if (waiting.length >= BATCH_EVENTS && failures === 0) return flush();
  if (waiting.length > 0) timer ??= setTimeout(flush, waitMs);
}

function seePage(): void {
  if (mayTell() && !hasSeenPage && dataset["page"] !== "off") api.page();
}

const api: ResonanceSnippet = {
  page(fields) {
    hasSeenPage = true;
    tell("view", { item: location.pathname.slice(0, PATH_CHARS), ...fields });
  },
  track: tell,
  identify(id, fields) {
    if (!mayTell()) return;
    user = id;
    keep();
    add("identify", fields);
  },
  consent(given) {
    answers = { ...answers, ...given };
    if (mayTell()) {
      add("consent");
      seePage();
    } else {
      waiting = [];
      if (isHeardOf) add("consent"); // The engine forgets whom it has heard of.
      user = newId();
    }
    keep();
  },
  user: () => user,
  flush,
};

addEventListener("online", () => {
  failures = 0;
  void flush();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") void flush(); // It may be the last that is heard of the page.
});
addEventListener("pagehide", () => {
  while (waiting.length > 0 && nav.onLine && nav.sendBeacon(url, bodyOf(waiting.slice(0, BATCH_EVENTS))))
    waiting.splice(0, BATCH_EVENTS);
  keep();
});

const early = window.resonance;
window.resonance = api;
seePage();
if (Array.isArray(early))
  for (const [name, ...given] of early as EarlyCall[])
    (api[name] as (...args: unknown[]) => unknown)(...given);
