import { EVENT_INPUTS } from "../event-inputs.ts";
import { addProduct, normaliseLayer, type ProductShape, rectify } from "./layers.ts";
import { SIZES } from "./network-shape.ts";
import { ServedHead } from "./served-head.ts";
import { float64Of, type ServedNetwork, type StandardFeatures } from "./served-network.ts";

const HOUR_MS = 3_600_000;
const { width: WIDTH, window: WINDOW, heads: HEADS, layers: LAYERS } = SIZES;
const HEAD = WIDTH / HEADS;
/** A ring of the newest events, for each layer keys, then values. */
const LAYER_SLOTS = 2 * WINDOW * WIDTH;
/** Of a user: events so far, time of the newest, their times, the newest output, then the layers. */
const PLACES = { events: 0, atMs: 1, times: 2, output: 2 + WINDOW, layers: 2 + WINDOW + WIDTH } as const;

/**
 * A causal transformer that attends to the newest events, within a window in each layer. Keys and values of
 * events are kept in the user's state, so that an event costs one position, not a whole sequence. What is old
 * fades by a learned rate of each head, on a logarithmic scale of hours; there are no positions beside that.
 *
 * @see Vaswani et al., "Attention Is All You Need", 2017; the window as in Beltagy et al., "Longformer", 2020.
 */
export class ServedTransformer implements ServedNetwork {
  readonly slots = PLACES.layers + LAYERS * LAYER_SLOTS;
  readonly #eventWeights: Float64Array;
  readonly #eventBias: Float64Array;
  readonly #layers: readonly Layer[];
  readonly #head: ServedHead;
  readonly #state = new Float64Array(WIDTH);
  readonly #ages = new Float64Array(WINDOW);
  readonly #ofInput: ProductShape;

  constructor(arrays: Readonly<Record<string, Float32Array>>, dim: number) {
    this.#eventWeights = float64Of(arrays, "eventWeights");
    this.#eventBias = float64Of(arrays, "eventBias");
    this.#layers = Array.from({ length: LAYERS }, (_, layer) => new Layer(arrays, layer));
    this.#head = new ServedHead(arrays, WIDTH, dim);
    this.#ofInput = { inputs: dim + EVENT_INPUTS, outputs: WIDTH, firstRow: 0, outAt: 0 };
  }

  fold(slab: Float64Array, at: number, input: Float64Array, gapMs: number): void {
    const events = slab[at + PLACES.events]!;
    const newest = events % WINDOW;
    const held = Math.min(events + 1, WINDOW);
    const atMs = slab[at + PLACES.atMs]! + gapMs; // Since the first event: small numbers keep their milliseconds.
    slab[at + PLACES.events] = events + 1;
    slab[at + PLACES.atMs] = atMs;
    slab[at + PLACES.times + newest] = atMs;
    const ages = this.#ages;
    for (let i = 0; i < held; i++) {
      ages[i] = Math.log1p((atMs - slab[at + PLACES.times + i]!) / HOUR_MS);
    }
    const state = this.#state;
    state.set(this.#eventBias);
    addProduct(input, 0, this.#eventWeights, state, this.#ofInput);
    for (const [l, layer] of this.#layers.entries()) {
      layer.apply(state, slab, at + PLACES.layers + l * LAYER_SLOTS, { newest, held, ages });
    }
    normaliseLayer(state, state);
    for (let i = 0; i < WIDTH; i++) slab[at + PLACES.output + i] = state[i]!;
  }

  addTo(
    slab: Float64Array,
    at: number,
    _laterMs: number,
    _standard: StandardFeatures,
    projected: Float64Array,
  ): void {
    this.#head.addTo(slab, at + PLACES.output, projected);
  }
}

/** Which of the ring's places hold events, and how old those are: log1p of hours. */
type Ring = Readonly<{ newest: number; held: number; ages: Float64Array }>;

const SQUARE: ProductShape = { inputs: WIDTH, outputs: WIDTH, firstRow: 0, outAt: 0 };
const WIDEN: ProductShape = { inputs: WIDTH, outputs: SIZES.feedForward, firstRow: 0, outAt: 0 };
const NARROW: ProductShape = { inputs: SIZES.feedForward, outputs: WIDTH, firstRow: 0, outAt: 0 };

class Layer {
  readonly #query: Float64Array;
  readonly #key: Float64Array;
  readonly #value: Float64Array;
  readonly #mixed: Float64Array;
  /** How fast each head forgets; shape [heads]. */
  readonly #fades: Float64Array;
  readonly #wide: Float64Array;
  readonly #wideBias: Float64Array;
  readonly #narrow: Float64Array;
  readonly #normal = new Float64Array(WIDTH);
  readonly #queries = new Float64Array(WIDTH);
  readonly #attended = new Float64Array(WIDTH);
  readonly #weights = new Float64Array(WINDOW);
  readonly #hidden = new Float64Array(SIZES.feedForward);

  constructor(arrays: Readonly<Record<string, Float32Array>>, layer: number) {
    this.#query = float64Of(arrays, `query${layer}`);
    this.#key = float64Of(arrays, `key${layer}`);
    this.#value = float64Of(arrays, `value${layer}`);
    this.#mixed = float64Of(arrays, `mixed${layer}`);
    this.#fades = float64Of(arrays, `age${layer}`).map(Math.exp);
    this.#wide = float64Of(arrays, `wide${layer}`);
    this.#wideBias = float64Of(arrays, `wideBias${layer}`);
    this.#narrow = float64Of(arrays, `narrow${layer}`);
  }

  /** Takes the newest event's state one layer further, in place; keys and values are from `slab[at]`. */
  apply(state: Float64Array, slab: Float64Array, at: number, ring: Ring): void {
    const valuesAt = at + WINDOW * WIDTH;
    const normal = this.#normal;
    normaliseLayer(state, normal);
    this.#queries.fill(0);
    addProduct(normal, 0, this.#query, this.#queries, SQUARE);
    writeProduct(normal, this.#key, slab, at + ring.newest * WIDTH);
    writeProduct(normal, this.#value, slab, valuesAt + ring.newest * WIDTH);
    this.#attended.fill(0);
    for (let head = 0; head < HEADS; head++) this.#attend(head, slab, at, valuesAt, ring);
    addProduct(this.#attended, 0, this.#mixed, state, SQUARE);
    normaliseLayer(state, normal);
    this.#hidden.set(this.#wideBias);
    addProduct(normal, 0, this.#wide, this.#hidden, WIDEN);
    rectify(this.#hidden);
    addProduct(this.#hidden, 0, this.#narrow, state, NARROW);
  }

  #attend(head: number, slab: Float64Array, keysAt: number, valuesAt: number, { held, ages }: Ring): void {
    const from = head * HEAD;
    const weights = this.#weights;
    const queries = this.#queries;
    const attended = this.#attended;
    const fade = this.#fades[head]!;
    let highest = Number.NEGATIVE_INFINITY;
    for (let e = 0; e < held; e++) {
      let score = 0;
      for (let i = from; i < from + HEAD; i++) score += queries[i]! * slab[keysAt + e * WIDTH + i]!;
      weights[e] = score / Math.sqrt(HEAD) - fade * ages[e]!;
      highest = Math.max(highest, weights[e]!);
    }
    let sum = 0;
    for (let e = 0; e < held; e++) {
      weights[e] = Math.exp(weights[e]! - highest);
      sum += weights[e]!;
    }
    for (let e = 0; e < held; e++) {
      const weight = weights[e]! / sum;
      for (let i = from; i < from + HEAD; i++) attended[i]! += weight * slab[valuesAt + e * WIDTH + i]!;
    }
  }
}

function writeProduct(x: Float64Array, weights: Float64Array, slab: Float64Array, at: number): void {
  for (let j = 0; j < WIDTH; j++) slab[at + j] = 0;
  for (let i = 0; i < WIDTH; i++) {
    for (let j = 0; j < WIDTH; j++) slab[at + j]! += x[i]! * weights[i * WIDTH + j]!;
  }
}
