import {
  BrokenPage,
  DEPTH_MAX,
  HAS_OVERFLOW,
  HAS_TREE,
  IS_BRANCH,
  IS_LEAF,
  IS_OVERFLOW,
  META,
  type Meta,
  NODE,
  numberAt,
  OVERFLOW,
  PAGE,
  type Pages,
  readPage,
  TREE,
} from "./lmdb-pages.ts";

/** Bytes to be written over what is in a file. */
export type Patch = Readonly<{ position: number; bytes: Uint8Array }>;

/** What has to be overwritten so that a file holds nothing but the rows of its present state. */
export type Residues = Readonly<{
  /** Zeros, where nobody reads: pages that are free, and the gaps of others. */
  unread: Patch[];
  /** Whole pages of the trees in which a key that splits a tree is of a row that is there no more. */
  split: Patch[];
}>;

/** The least and the greatest key of a part of a tree; undefined for an empty one. */
type Span = Readonly<{ least: Uint8Array; greatest: Uint8Array }> | undefined;

/** Free pages that are overwritten in one go: a megabyte. */
const RUN_PAGES = 256;
const KEPT_PAGES = 2;

/**
 * Looks through an LMDB file for what is left of removed rows: in pages that are free, in the gaps between a page's index and its
 * nodes, and among the keys of upper pages. Yields after each page, so that the caller can pause; meanwhile nothing may be
 * committed, and all of the file's state must be flushed and nothing older be read.
 *
 * @param isBytewise - Of which tables the keys are in the order of their bytes: of others no key tells of anybody.
 * @throws BrokenPage
 */
export function* residuesOf(
  pages: Pages,
  meta: Meta,
  isBytewise: (table: string) => boolean,
): Generator<void, Residues> {
  const found: Residues = { unread: [], split: [] };
  const lastPage = Math.floor(pages.sizeBytes / pages.pageSize) - 1;
  const isLive = new Uint8Array(lastPage + 1);
  isLive.fill(1, 0, KEPT_PAGES);
  const walk = new Walk(pages, found, isLive, isBytewise);
  yield* walk.tree(meta.view, meta.at + META.free, false);
  yield* walk.tree(meta.view, meta.at + META.main, true);
  yield* freePages(pages, isLive, found.unread);
  return found;
}

/** Every page that no tree has, and that is not zeros already. */
function* freePages(pages: Pages, isLive: Uint8Array, unread: Patch[]): Generator<void> {
  const { pageSize } = pages;
  const zeros = Buffer.alloc(RUN_PAGES * pageSize);
  for (let from = 0; from < isLive.length; ) {
    let end = from;
    while (end < isLive.length && isLive[end] === 0 && end - from < RUN_PAGES) end++;
    const held = end > from ? pages.read(from * pageSize, (end - from) * pageSize) : undefined;
    if (held !== undefined) {
      for (const [at, until] of unlikeZeros(bytesOf(held), pageSize, zeros))
        unread.push({ position: from * pageSize + at, bytes: zeros.subarray(0, until - at) });
      yield;
    }
    from = Math.max(end, from + 1);
  }
}

/** The stretches of some pages, by offset, in which no page is all zeros. */
function unlikeZeros(held: Buffer, pageSize: number, zeros: Buffer): readonly (readonly [number, number])[] {
  if (held.equals(zeros.subarray(0, held.length))) return [];
  const zeroPage = zeros.subarray(0, pageSize);
  const found: [number, number][] = [];
  for (let at = 0; at < held.length; at += pageSize) {
    if (zeroPage.equals(held.subarray(at, at + pageSize))) continue;
    const last = found.at(-1);
    if (last?.[1] === at) last[1] = at + pageSize;
    else found.push([at, at + pageSize]);
  }
  return found;
}

class Walk {
  readonly #pages: Pages;
  readonly #found: Residues;
  readonly #isLive: Uint8Array;
  readonly #isBytewise: (table: string) => boolean;
  readonly #zeros: Buffer;

  constructor(pages: Pages, found: Residues, isLive: Uint8Array, isBytewise: (table: string) => boolean) {
    this.#pages = pages;
    this.#found = found;
    this.#isLive = isLive;
    this.#isBytewise = isBytewise;
    this.#zeros = Buffer.alloc(pages.pageSize);
  }

  /** @param isBytewise - Whether its keys are in the order of their bytes. */
  *tree(view: DataView, at: number, isBytewise: boolean): Generator<void> {
    const depth = view.getUint16(at + TREE.depth, true);
    if (depth === 0) return; // An empty tree has no root.
    if (depth > DEPTH_MAX) throw new BrokenPage(`a tree says that it is ${depth} pages deep`);
    yield* this.#page(numberAt(view, at + TREE.root), depth, isBytewise);
  }

  *#page(number: number, depth: number, isBytewise: boolean): Generator<void, Span> {
    yield;
    const page = readPage(this.#pages, number, depth > 1 ? IS_BRANCH : IS_LEAF);
    this.#isLive[number] = 1;
    const span = depth > 1 ? yield* this.#branch(page, number, depth, isBytewise) : yield* this.#leaf(page);
    this.#clearGap(page, number);
    return span;
  }

  *#leaf(page: DataView): Generator<void, Span> {
    const nodes = nodesOf(page);
    for (let i = 0; i < nodes; i++) {
      const at = nodeAt(page, i);
      const flags = page.getUint16(at + NODE.flags, true);
      const dataAt = at + NODE.header + page.getUint16(at + NODE.keySize, true);
      if ((flags & HAS_OVERFLOW) !== 0) {
        const pages = numberAt(page, dataAt + OVERFLOW.pages);
        this.#overflow(numberAt(page, dataAt), pages, page.getUint32(at + NODE.size, true));
      } else if ((flags & HAS_TREE) !== 0) {
        const name = Buffer.from(keyAt(page, at)).toString("latin1").replace(/\0+$/, "");
        yield* this.tree(page, dataAt, this.#isBytewise(name));
      }
    }
    if (nodes === 0) return undefined;
    // The page's memory is its own: keys of it may be kept.
    return { least: keyAt(page, nodeAt(page, 0)), greatest: keyAt(page, nodeAt(page, nodes - 1)) };
  }

  /** A value on pages of its own: behind it may lie what their memory was used for before. */
  #overflow(first: number, pages: number, valueBytes: number): void {
    readPage(this.#pages, first, IS_OVERFLOW);
    if (first + pages > this.#isLive.length) throw new BrokenPage(`page ${first + pages - 1} is missing`);
    this.#isLive.fill(1, first, first + pages);
    const { pageSize } = this.#pages;
    const position = first * pageSize + PAGE.header + valueBytes;
    const zeros = this.#zeros.subarray(0, (first + pages) * pageSize - position);
    const behind = zeros.length === 0 ? undefined : this.#pages.read(position, zeros.length);
    if (behind !== undefined && !zeros.equals(bytesOf(behind)))
      this.#found.unread.push({ position, bytes: zeros });
  }

  *#branch(page: DataView, number: number, depth: number, isBytewise: boolean): Generator<void, Span> {
    const nodes = nodesOf(page);
    let least: Uint8Array | undefined;
    let before: Uint8Array | undefined;
    let isChanged = false;
    for (let i = 0; i < nodes; i++) {
      const at = nodeAt(page, i);
      const low = page.getUint32(at + NODE.size, true);
      const child = low + page.getUint16(at + NODE.flags, true) * 2 ** 32;
      const span = yield* this.#page(child, depth - 1, isBytewise);
      if (isBytewise && span !== undefined && replaceSplit(page, at, before, span.least)) isChanged = true;
      least ??= span?.least;
      before = span?.greatest ?? before;
    }
    if (isChanged) {
      const { pageSize } = this.#pages;
      this.#zero(page);
      this.#found.split.push({ position: number * pageSize, bytes: bytesOf(page) });
    }
    return least === undefined || before === undefined ? undefined : { least, greatest: before };
  }

  #zero(page: DataView): void {
    const [from, to] = gapOf(page);
    bytesOf(page).fill(0, from, to);
  }

  #clearGap(page: DataView, number: number): void {
    const [from, to] = gapOf(page);
    if (from > to || to > this.#pages.pageSize) throw new BrokenPage(`page ${number} is damaged`);
    const zeros = this.#zeros.subarray(0, to - from);
    if (zeros.equals(bytesOf(page).subarray(from, to))) return;
    this.#found.unread.push({ position: number * this.#pages.pageSize + from, bytes: zeros });
  }
}

/**
 * Makes the key that splits a tree between two of its rows one that tells of nobody else: the shortest beginning of the
 * right one's that the left one's is less than. The key of a row that is gone lies between the two, so it is never shorter.
 *
 * @param before - The greatest key on the left; undefined for the first node, whose key nobody compares.
 * @returns Whether it was another one.
 */
function replaceSplit(
  page: DataView,
  at: number,
  before: Uint8Array | undefined,
  least: Uint8Array,
): boolean {
  const held = keyAt(page, at);
  if (held.length === 0 || Buffer.compare(held, least) === 0) return false;
  const wanted =
    before === undefined ? least.subarray(0, 0) : least.subarray(0, sharedBytes(before, least) + 1);
  if (wanted.length > held.length) throw new BrokenPage("a tree is out of order");
  if (Buffer.compare(held, wanted) === 0) return false;
  held.fill(0);
  held.set(wanted);
  page.setUint16(at + NODE.keySize, wanted.length, true);
  return true;
}

function sharedBytes(a: Uint8Array, b: Uint8Array): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}

function nodesOf(page: DataView): number {
  return page.getUint16(PAGE.lower, true) >> 1;
}

function nodeAt(page: DataView, i: number): number {
  const at = PAGE.header + page.getUint16(PAGE.header + i * 2, true);
  if (at + NODE.header > page.byteLength) throw new BrokenPage("a page is damaged");
  return at;
}

/** A view of a node's key. */
function keyAt(page: DataView, at: number): Uint8Array {
  return new Uint8Array(
    page.buffer,
    page.byteOffset + at + NODE.header,
    page.getUint16(at + NODE.keySize, true),
  );
}

/** What lies between a page's index and its nodes. */
function gapOf(page: DataView): [from: number, to: number] {
  return [PAGE.header + page.getUint16(PAGE.lower, true), PAGE.header + page.getUint16(PAGE.upper, true)];
}

function bytesOf(view: DataView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
