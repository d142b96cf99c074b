import { EVENT_INPUTS } from "../event-inputs.ts";
import { addProduct, type ProductShape, rectify, sigmoid } from "./layers.ts";
import { SIZES } from "./network-shape.ts";
import { ServedHead } from "./served-head.ts";
import { float64Of, type ServedNetwork, type StandardFeatures } from "./served-network.ts";

const DAY_MS = 86_400_000;

/**
 * A minimal gated recurrent unit whose units forget with time, each at its own learned rate:
 * `h <- exp(-days e^decay) h`, then `h <- (1 - z) h + z n`, where the gate z and the candidate n depend on the event alone.
 *
 * @see Feng et al., "Were RNNs All We Needed?", 2024 (minGRU).
 */
export class ServedGru implements ServedNetwork {
  readonly slots = SIZES.recurrent;
  readonly #eventWeights: Float64Array;
  readonly #eventBias: Float64Array;
  readonly #gateWeights: Float64Array;
  readonly #gateBias: Float64Array;
  readonly #stateWeights: Float64Array;
  readonly #stateBias: Float64Array;
  /** Decay a day; shape [recurrent]. */
  readonly #rates: Float64Array;
  readonly #head: ServedHead;
  readonly #event = new Float64Array(SIZES.event);
  readonly #gate = new Float64Array(SIZES.recurrent);
  readonly #candidate = new Float64Array(SIZES.recurrent);
  readonly #context = new Float64Array(SIZES.recurrent);
  readonly #ofInput: ProductShape;
  readonly #ofEvent: ProductShape = {
    inputs: SIZES.event,
    outputs: SIZES.recurrent,
    firstRow: 0,
    outAt: 0,
  };

  constructor(arrays: Readonly<Record<string, Float32Array>>, dim: number) {
    this.#eventWeights = float64Of(arrays, "eventWeights");
    this.#eventBias = float64Of(arrays, "eventBias");
    this.#gateWeights = float64Of(arrays, "gateWeights");
    this.#gateBias = float64Of(arrays, "gateBias");
    this.#stateWeights = float64Of(arrays, "stateWeights");
    this.#stateBias = float64Of(arrays, "stateBias");
    this.#rates = float64Of(arrays, "decay").map(Math.exp);
    this.#head = new ServedHead(arrays, SIZES.recurrent, dim);
    this.#ofInput = { inputs: dim + EVENT_INPUTS, outputs: SIZES.event, firstRow: 0, outAt: 0 };
  }

  fold(slab: Float64Array, at: number, input: Float64Array, gapMs: number): void {
    const event = this.#event;
    event.set(this.#eventBias);
    addProduct(input, 0, this.#eventWeights, event, this.#ofInput);
    rectify(event);
    this.#gate.set(this.#gateBias);
    addProduct(event, 0, this.#gateWeights, this.#gate, this.#ofEvent);
    this.#candidate.set(this.#stateBias);
    addProduct(event, 0, this.#stateWeights, this.#candidate, this.#ofEvent);
    const days = gapMs / DAY_MS;
    const gates = this.#gate;
    const candidate = this.#candidate;
    const rates = this.#rates;
    for (let i = 0; i < SIZES.recurrent; i++) {
      const gate = sigmoid(gates[i]!);
      const held = slab[at + i]! * Math.exp(-days * rates[i]!);
      slab[at + i] = (1 - gate) * held + gate * candidate[i]!;
    }
  }

  addTo(
    slab: Float64Array,
    at: number,
    laterMs: number,
    _standard: StandardFeatures,
    projected: Float64Array,
  ): void {
    const days = laterMs / DAY_MS;
    for (let i = 0; i < SIZES.recurrent; i++) {
      this.#context[i] = slab[at + i]! * (days === 0 ? 1 : Math.exp(-days * this.#rates[i]!));
    }
    this.#head.addTo(this.#context, 0, projected);
  }
}
