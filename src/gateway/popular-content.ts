import { currentVersion } from "../actors/raise-pointer.ts";
import { RowStream } from "../actors/row-stream.ts";
import { type Content, type ContentCatalogue, contentsOf, type Placement } from "../content/catalogue.ts";
import type { ContentAnswer, LoggedDecision } from "../content/content-answer.ts";
import { type Choice, ContentChooser } from "../content/content-chooser.ts";
import { eligibleInto } from "../content/eligibility.ts";
import { POLICIES, POLICY_NAMES } from "../content/policy.ts";
import { rateTable } from "../content/rate-table.ts";
import { decodeRatesRelease, NO_RATES, type RatesRelease } from "../content/rates-release.ts";
import { unknownPlacement } from "../content/unknown-placement.ts";
import { poolSeed, WorthPool } from "../content/worth-pool.ts";
import { type ContentType, encodeReply } from "../events/decode-request.ts";
import type { Catalogues } from "./catalogues.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

/** Rates older than this are read again, for the next time. */
const FRESH_MS = 10_000;
/** The first time, when none are held, an answer waits for them so long. */
const FIRST_READ_MS = 100;
const ARM = "popularity";
const NOBODY = Float64Array.of(1);

/** The newest rates that are published, and their version. */
export type PublishedRates = Readonly<{ version: number; release: RatesRelease }>;

/** Reads the newest rates. @returns Version 0 before any are published. */
export async function readPublishedRates({
  releases,
}: Pick<GatewayPorts, "releases">): Promise<PublishedRates> {
  const version = await currentVersion(releases, "rates");
  const bytes = version === undefined ? undefined : await releases.get(`rates.${version}`);
  if (version === undefined || bytes === undefined) return { version: 0, release: NO_RATES };
  return { version, release: decodeRatesRelease(bytes) };
}

/** What one placement may show, and how often it is clicked, until either changes. */
type Shelf = Readonly<{
  catalogue: ContentCatalogue;
  rates: PublishedRates;
  contents: readonly Content[];
  /** Room for the places of those that may be shown now. */
  eligible: Uint16Array;
  pool: WorthPool;
}>;

/** What it needs of the gateway's ports. */
type Needed = "clock" | "decisions" | "log" | "newId" | "releases" | "sleep" | "subjects";

/** Chooses what all users click, without the shard of whoever asks: what it knows of them has no part in it. */
export class PopularContent {
  readonly #ports: Pick<GatewayPorts, Needed>;
  readonly #catalogues: Catalogues;
  #rates: PublishedRates = { version: 0, release: NO_RATES };
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  readonly #shelves = new Map<string, Shelf>();
  readonly #chooser = new ContentChooser();
  readonly #choice: Choice & { eligible: number } = { content: 0, propensity: 0, eligible: 0 };
  readonly #decided: RowStream<LoggedDecision>;

  constructor(ports: Pick<GatewayPorts, Needed>, catalogues: Catalogues) {
    this.#ports = ports;
    this.#catalogues = catalogues;
    this.#decided = new RowStream(ports, ports.subjects.decisions);
  }

  /**
   * Chooses for a user of whom nothing is known here.
   *
   * @returns A {@link ContentAnswer}'s bytes.
   * @throws EngineError `NO_CONTENT`, `UNKNOWN_PLACEMENT`.
   */
  async choose(user: string, name: string, type: ContentType): Promise<Uint8Array> {
    await this.#refresh();
    const catalogue = this.#catalogues.inForce;
    const index = catalogue.placements.findIndex((one) => one.name === name);
    const placement = catalogue.placements[index];
    if (placement === undefined) throw unknownPlacement(catalogue.placements);
    const { clock, decisions, subjects } = this.#ports;
    const atMs = clock.nowMs();
    const content = this.#pick(this.#shelfOf(placement), placement, atMs);
    const propensity = content === undefined ? 0 : this.#choice.propensity;
    const place = { kind: "many", key: subjects.outputKey(0), applied: 0, lastSequence: 0, map: 0 } as const;
    const chosen = {
      catalogue: catalogue.version,
      placement: index,
      content: content === undefined ? undefined : catalogue.contents.indexOf(content),
      arm: POLICY_NAMES.indexOf(ARM),
      propensity,
    };
    const decision = decisions.next({ ...place, digest: 0, atMs, chosen }, user);
    const shown = content?.id ?? null;
    const { eligible } = this.#choice;
    // Without their shard nobody knows what they consented to, so the row does not name them.
    this.#decided.add([decision, "", name, shown, ARM, "popularity", propensity, eligible, atMs]);
    const answer: ContentAnswer = {
      user,
      placement: name,
      content: shown,
      ...(content === undefined ? { reason: "nothing-eligible" } : {}),
      segment: null,
      arm: ARM,
      basis: "popularity",
      propensity,
      decision,
      versions: { content: catalogue.version, rates: this.#rates.version, profiles: 0 },
      ages: { contextMs: null, profilesMs: null },
      position: null,
    };
    return encodeReply(answer, type);
  }

  #pick({ contents, eligible, pool }: Shelf, { floor }: Placement, atMs: number): Content | undefined {
    const nobody = { traits: new Map(), capCounts: new Map(), atMs };
    const eligibleCount = eligibleInto(contents, nobody, eligible);
    this.#choice.eligible = eligibleCount;
    if (eligibleCount === 0) return undefined;
    const number = this.#ports.decisions.upcoming;
    const policy = POLICIES[ARM];
    const request = {
      pool,
      policy,
      floor,
      posterior: NOBODY,
      prior: NOBODY,
      eligible,
      eligibleCount,
      number,
    };
    this.#chooser.choose(request, this.#choice);
    return contents[this.#choice.content];
  }

  #shelfOf({ name, purchaseWeight, timeoutMs }: Placement): Shelf {
    const catalogue = this.#catalogues.inForce;
    const known = this.#shelves.get(name);
    if (known?.catalogue === catalogue && known.rates === this.#rates) return known;
    const { version, release } = this.#rates;
    const contents = contentsOf(catalogue, name);
    const ids = contents.map(({ id }) => id);
    const of = { placement: name, segments: [], contents: ids, atMs: release.atMs, timeoutMs };
    const table = rateTable(release.rates, of);
    const shelf = {
      catalogue,
      rates: this.#rates,
      contents,
      eligible: new Uint16Array(contents.length),
      pool: new WorthPool(table, { seed: poolSeed(name, version), purchaseWeight }),
    };
    this.#shelves.set(name, shelf);
    return shelf;
  }

  /** Has rates read that are older than they may be. Nobody waits for them but the first one, and not for long. */
  async #refresh(): Promise<void> {
    const { clock, sleep } = this.#ports;
    if (clock.monotonicMs() - this.#readMs > FRESH_MS) this.#reading ??= this.#read();
    const isFirst = this.#readMs === Number.NEGATIVE_INFINITY;
    if (isFirst) await Promise.race([this.#reading, sleep(FIRST_READ_MS)]);
  }

  async #read(): Promise<void> {
    try {
      this.#rates = await readPublishedRates(this.#ports);
      this.#readMs = this.#ports.clock.monotonicMs();
    } catch {
      // The store is away, too: what is held serves on.
    } finally {
      this.#reading = undefined;
    }
  }
}
