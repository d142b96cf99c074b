import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";

/** What can be told of an LMDB file without mapping it into memory. */
export type FileState =
  /** There is none, or an empty one, that LMDB begins anew. */
  | Readonly<{ kind: "new" }>
  /** No file of LMDB's, or its first pages are damaged. */
  | Readonly<{ kind: "alien"; sizeBytes: number }>
  /**
   * `isShort`: it has fewer pages than it says. That alone is no damage: pages that a transaction allocated and gave
   * up again are never written.
   */
  | Readonly<{ kind: "store"; isShort: boolean }>;

/** The second data format of LMDB, as lmdb-js writes it (`mdb.c`): a page's header, and the first two pages' content. */
export const PAGE = { number: 0, flags: 18, lower: 20, upper: 22, header: 24 } as const;
export const META = {
  magic: 24,
  version: 28,
  free: 48,
  main: 96,
  lastPage: 144,
  transaction: 152,
  bootId: 160,
  end: 168,
} as const;
/** One tree, as the first pages and named databases describe it. */
export const TREE = { flags: 4, depth: 6, root: 40, end: 48 } as const;
export const NODE = { size: 0, flags: 4, keySize: 6, header: 8 } as const;
export const OVERFLOW = { pages: 16, end: 24 } as const;
export const [IS_BRANCH, IS_LEAF, IS_OVERFLOW, IS_META] = [0x01, 0x02, 0x04, 0x08] as const;
export const [HAS_OVERFLOW, HAS_TREE] = [0x01, 0x02] as const;
const OVERLAPPING_SYNC = 0x1000;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const PAGE_SIZES = [256, 65_536] as const;
/** Depth that no tree of LMDB's reaches. */
export const DEPTH_MAX = 32;

/** Looks at the first pages of an LMDB file. */
export function fileStateOf(file: string): FileState {
  return withFile(file, { kind: "new" } as FileState, (pages) => {
    if (pages.sizeBytes === 0) return { kind: "new" };
    const metas = readMetas(pages);
    if (metas === undefined) return { kind: "alien", sizeBytes: pages.sizeBytes };
    const newest = newestMeta(metas);
    return { kind: "store", isShort: (newest.lastPage + 1) * pages.pageSize > pages.sizeBytes };
  });
}

/**
 * Walks all pages that an LMDB file's present state is made of: LMDB ends the process at one that is missing or of
 * the wrong kind. Values are not looked at. About 8 us a page.
 *
 * @returns What is wrong; undefined if nothing is.
 */
export function brokenPageOf(file: string): string | undefined {
  return withFile(file, undefined as string | undefined, (pages) => {
    if (pages.sizeBytes === 0) return undefined;
    const metas = readMetas(pages);
    if (metas === undefined) return "its first pages are damaged";
    const { view, at } = metaInForce(metas);
    try {
      for (const tree of [META.free, META.main]) walkTree(pages, view, at + tree);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof BrokenPage) return thrown.message;
      throw thrown;
    }
  });
}

/** A page is missing, or not what it should be. */
export class BrokenPage extends Error {}

/** A description of the file's state after one transaction. */
export type Meta = Readonly<{
  view: DataView;
  /** Where it begins, if at a page's begin. */
  at: number;
  transaction: number;
  lastPage: number;
  bootId: bigint;
  isFlushed: boolean;
}>;
/** Two in turn, and one of what was surely on the disk. */
export type Metas = readonly [Meta, Meta, Meta];

/** An LMDB file, read page by page. */
export class Pages {
  readonly #descriptor: number;
  readonly sizeBytes: number;
  pageSize = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.sizeBytes = fstatSync(descriptor).size;
  }

  /** Undefined if the file ends before. */
  read(position: number, length: number): DataView | undefined {
    const { buffer } = Buffer.allocUnsafeSlow(length); // Its own: what is read of a page may be kept and changed.
    const view = new DataView(buffer, 0, length);
    return readSync(this.#descriptor, view, 0, length, position) < length ? undefined : view;
  }
}

export function withFile<Result>(file: string, missing: Result, look: (pages: Pages) => Result): Result {
  if (!existsSync(file)) return missing;
  const descriptor = openSync(file, "r");
  try {
    return look(new Pages(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/** @returns Undefined if the first pages are damaged. */
export function readMetas(pages: Pages): Metas | undefined {
  const head = pages.read(0, META.end);
  if (head === undefined || !isMeta(head)) return undefined;
  pages.pageSize = head.getUint32(META.free, true);
  const { pageSize } = pages;
  const isPageSize =
    pageSize >= PAGE_SIZES[0] && pageSize <= PAGE_SIZES[1] && Number.isInteger(Math.log2(pageSize));
  if (!isPageSize) return undefined;
  const [first, second] = [pages.read(0, pageSize), pages.read(pageSize, pageSize)];
  if (first === undefined || second === undefined || !isMeta(second)) return undefined;
  // What was flushed is told in the first page's second half.
  return [metaAt(first, 0), metaAt(second, 0), metaAt(first, pageSize >> 1)];
}

function isMeta(page: DataView): boolean {
  return (
    (page.getUint16(PAGE.flags, true) & IS_META) !== 0 &&
    page.getUint32(META.magic, true) === MAGIC &&
    page.getUint16(META.version, true) === VERSION
  );
}

function metaAt(view: DataView, at: number): Meta {
  return {
    view,
    at,
    transaction: numberAt(view, at + META.transaction),
    lastPage: numberAt(view, at + META.lastPage),
    bootId: view.getBigInt64(at + META.bootId, true),
    isFlushed: (view.getUint16(at + META.free + TREE.flags, true) & OVERLAPPING_SYNC) === 0,
  };
}

/** The newest one. */
export function newestMeta([first, second]: Metas): Meta {
  return first.transaction >= second.transaction ? first : second;
}

/** The one that LMDB will take; if the machine restarts before, only what was flushed. */
export function metaInForce([first, second, flushed]: Metas, bootId = presentBootId()): Meta {
  const pick = (a: Meta, b: Meta): Meta => {
    const [newer, older] = a.transaction >= b.transaction ? [a, b] : [b, a];
    if (b.transaction === 0) return a;
    const isTrusted =
      newer.isFlushed || bootId === undefined || (newer.bootId !== 0n && newer.bootId === bootId);
    return isTrusted ? newer : older;
  };
  return pick(pick(first, second), flushed);
}

/** As LMDB notes it: the number in front of the first hyphen. Undefined where it can't be told. */
function presentBootId(): bigint | undefined {
  try {
    const [word] = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").split("-");
    return BigInt(`0x${word}`);
  } catch {
    return undefined; // Another system than Linux.
  }
}

function walkTree(pages: Pages, view: DataView, at: number): void {
  const root = numberAt(view, at + TREE.root);
  const depth = view.getUint16(at + TREE.depth, true);
  if (depth === 0) return; // An empty tree has no root.
  if (depth > DEPTH_MAX) throw new BrokenPage(`a tree says that it is ${depth} pages deep`);
  walkPage(pages, root, depth);
}

function walkPage(pages: Pages, number: number, depth: number): void {
  const page = readPage(pages, number, depth > 1 ? IS_BRANCH : IS_LEAF);
  const nodes = page.getUint16(PAGE.lower, true) >> 1;
  if (PAGE.header + nodes * 2 > pages.pageSize) throw new BrokenPage(`page ${number} is damaged`);
  for (let i = 0; i < nodes; i++) {
    const at = PAGE.header + page.getUint16(PAGE.header + i * 2, true);
    if (at + NODE.header > pages.pageSize) throw new BrokenPage(`page ${number} is damaged`);
    const flags = page.getUint16(at + NODE.flags, true);
    const low = page.getUint32(at + NODE.size, true);
    const dataAt = at + NODE.header + page.getUint16(at + NODE.keySize, true);
    const needs = depth > 1 ? 0 : (flags & HAS_OVERFLOW) !== 0 ? OVERFLOW.end : low;
    if (dataAt + needs > pages.pageSize) throw new BrokenPage(`page ${number} is damaged`);
    if (depth > 1) walkPage(pages, low + flags * 2 ** 32, depth - 1);
    else if ((flags & HAS_OVERFLOW) !== 0) checkOverflow(pages, page, dataAt);
    else if ((flags & HAS_TREE) !== 0) walkTree(pages, page, dataAt);
  }
}

/** A value on pages of its own; only the first has a header. */
function checkOverflow(pages: Pages, page: DataView, at: number): void {
  const first = numberAt(page, at);
  readPage(pages, first, IS_OVERFLOW);
  const last = first + numberAt(page, at + OVERFLOW.pages) - 1;
  if ((last + 1) * pages.pageSize > pages.sizeBytes) throw new BrokenPage(`page ${last} is missing`);
}

export function readPage(pages: Pages, number: number, kind: number): DataView {
  const isInside = number > 1 && (number + 1) * pages.pageSize <= pages.sizeBytes;
  const page = isInside ? pages.read(number * pages.pageSize, pages.pageSize) : undefined;
  if (page === undefined) throw new BrokenPage(`page ${number} is missing`);
  const isRight = numberAt(page, PAGE.number) === number && (page.getUint16(PAGE.flags, true) & kind) !== 0;
  if (!isRight) throw new BrokenPage(`page ${number} is damaged`);
  return page;
}

/** A number of 64 bits of which 53 are used. */
export function numberAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
