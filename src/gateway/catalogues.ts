import { Turns } from "../actors/turns.ts";
import type { ContentCatalogue } from "../content/catalogue.ts";
import {
  type GivenCatalogue,
  NO_CATALOGUE,
  putCatalogue,
  readCatalogue,
  readCatalogueInForce,
} from "./content-catalogue.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** Catalogues kept beside the one in force: clicks come within minutes, and later ones are read again. */
const CATALOGUES_MAX = 16;

/** The catalogue of contents in force, and those of decisions that feedback is of. */
export class Catalogues {
  readonly #ports: GatewayPorts;
  readonly #options: GatewayOptions;
  readonly #held = new Map<number, ContentCatalogue>();
  #inForce = NO_CATALOGUE;
  readonly #puts = new Turns();

  constructor(ports: GatewayPorts, options: GatewayOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  get inForce(): ContentCatalogue {
    return this.#inForce;
  }

  hasPlacement(name: string): boolean {
    return this.#inForce.placements.some((placement) => placement.name === name);
  }

  of(version: number): ContentCatalogue | Promise<ContentCatalogue | undefined> {
    if (version === this.#inForce.version) return this.#inForce;
    return this.#held.get(version) ?? readCatalogue(this.#ports, version).then((read) => this.#keep(read));
  }

  async refresh(): Promise<void> {
    this.#take(await readCatalogueInForce(this.#ports));
  }

  /** One after the other, as definitions are put. */
  put(given: GivenCatalogue): Promise<ContentCatalogue> {
    return this.#puts.take(async () => {
      const next = await putCatalogue(this.#ports, this.#options, given);
      this.#take(next);
      return next;
    });
  }

  #take(read: ContentCatalogue): void {
    if (read.version < this.#inForce.version) return; // A slow read must not undo a newer put.
    this.#keep(this.#inForce);
    this.#inForce = read;
  }

  #keep(read: ContentCatalogue | undefined): ContentCatalogue | undefined {
    if (read === undefined) return undefined;
    this.#held.set(read.version, read);
    for (const version of this.#held.keys()) {
      if (this.#held.size <= CATALOGUES_MAX) break;
      this.#held.delete(version);
    }
    return read;
  }
}
