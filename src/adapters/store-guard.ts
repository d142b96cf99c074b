import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { brokenPageOf, fileStateOf } from "./lmdb-pages.ts";
import { DATA_FILE, isFull, readFailure, storeCorrupt } from "./store-failure.ts";

/** A store that can be looked at before anybody relies on it. */
export type ProbedStore = Readonly<{
  /** Reads a little of everything; throws for what is damaged. */
  probe(): void;
  /** Gives up what was opened. */
  discard(): void;
}>;

/** Holds how often in a row the process ended while the store was opened. */
const OPENING_FILE = "opening";
/** As often, the store is to blame. */
const OPENING_DEATHS_MAX = 2;
/** Holds how often in a row the process ended before the store was closed, the present time included. */
const IN_USE_FILE = "in-use";
/** As often, all pages are looked at: a power cut is one, a page that ends the process ends it again. */
const UNCLOSED_MAX = 2;
/** Damaged stores kept for whoever wants to know why. */
const SET_ASIDE_MAX = 2;
/** Between a store's name and the number of one that was set aside. */
const SET_ASIDE = ".corrupt-";

/**
 * Opens an LMDB store so that a damaged one is an error, and not the end of the process: LMDB maps the file into
 * memory and ends the process at a page that is missing or makes no sense. Whoever closes the store calls
 * {@link noteClosed}.
 *
 * @throws EngineError `STORE_CORRUPT`: it must be set aside ({@link setAside}). `DISK_FULL` (retryable).
 */
export function openGuarded<Store extends ProbedStore>(path: string, open: () => Store): Store {
  makeFolder(path);
  const deaths = countIn(path, OPENING_FILE);
  const unclosed = countIn(path, IN_USE_FILE);
  if (deaths >= OPENING_DEATHS_MAX)
    throw storeCorrupt(path, `the process ended ${deaths} times in a row while it was opened`);
  refuseDamagedFile(path, deaths > 0 || unclosed >= UNCLOSED_MAX);
  writeCount(path, OPENING_FILE, deaths + 1);
  let store: Store | undefined;
  try {
    store = open();
    store.probe();
    writeCount(path, IN_USE_FILE, unclosed + 1);
    return store;
  } catch (thrown) {
    store?.discard();
    throw readFailure(path, thrown);
  } finally {
    rmSync(join(path, OPENING_FILE), { force: true }); // Either way, the process did not end.
  }
}

/** Notes that a store is closed. */
export function noteClosed(path: string): void {
  rmSync(join(path, IN_USE_FILE), { force: true });
}

/**
 * Moves a damaged store, which must be closed, out of the way, so that it can be built anew. Of those moved earlier
 * the newest stays.
 *
 * @returns Where it is now.
 */
export function setAside(path: string): string {
  const numbers = setAsideNumbers(path);
  const to = setAsideName(path, (numbers.at(-1) ?? 0) + 1);
  renameSync(path, to);
  for (const number of numbers.slice(0, Math.max(0, numbers.length + 1 - SET_ASIDE_MAX)))
    rmSync(setAsideName(path, number), { recursive: true, force: true });
  return to;
}

/** Removes the damaged stores that were moved out of a store's way: they hold users of whom nothing may be kept. */
export function removeSetAside(path: string): void {
  for (const number of setAsideNumbers(path))
    rmSync(setAsideName(path, number), { recursive: true, force: true });
}

function setAsideName(path: string, number: number): string {
  return `${path}${SET_ASIDE}${number}`;
}

/** Numbers of the stores set aside, oldest first. */
function setAsideNumbers(path: string): number[] {
  const prefix = `${basename(path)}${SET_ASIDE}`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (thrown) {
    throw readFailure(path, thrown);
  }
}

function refuseDamagedFile(path: string, isSuspect: boolean): void {
  const file = join(path, DATA_FILE);
  const state = fileStateOf(file);
  if (state.kind === "alien")
    throw storeCorrupt(
      path,
      `${DATA_FILE} of ${state.sizeBytes} bytes is no store, or its first pages are damaged`,
    );
  if (state.kind === "new" || !(isSuspect || state.isShort)) return;
  const broken = brokenPageOf(file);
  if (broken !== undefined) throw storeCorrupt(path, broken);
}

function countIn(path: string, name: string): number {
  const file = join(path, name);
  // An empty note is one that a full disk had no room for.
  return existsSync(file) ? Number(readFileSync(file, "utf8")) || 1 : 0;
}

function writeCount(path: string, name: string, count: number): void {
  try {
    writeFileSync(join(path, name), String(count));
  } catch (thrown) {
    // A store on a full disk can be read, so it may be opened; this time without the note.
    if (!isFull(thrown)) throw readFailure(path, thrown);
  }
}
