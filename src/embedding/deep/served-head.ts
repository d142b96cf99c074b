import { addProduct, type ProductShape, rectify } from "./layers.ts";
import { SIZES } from "./network-shape.ts";
import { float64Of } from "./served-network.ts";

/** What follows a sequence network: one hidden layer over its context and the linear projection. */
export class ServedHead {
  readonly #headWeights: Float64Array;
  readonly #headBias: Float64Array;
  readonly #outWeights: Float64Array;
  readonly #hidden = new Float64Array(SIZES.head);
  readonly #ofContext: ProductShape;
  readonly #ofProjection: ProductShape;
  readonly #toProjection: ProductShape;

  constructor(arrays: Readonly<Record<string, Float32Array>>, context: number, dim: number) {
    this.#headWeights = float64Of(arrays, "headWeights");
    this.#headBias = float64Of(arrays, "headBias");
    this.#outWeights = float64Of(arrays, "outWeights");
    const outputs = SIZES.head;
    this.#ofContext = { inputs: context, outputs, firstRow: 0, outAt: 0 };
    this.#ofProjection = { inputs: dim, outputs, firstRow: context, outAt: 0 };
    this.#toProjection = { inputs: outputs, outputs: dim, firstRow: 0, outAt: 0 };
  }

  /** Adds to `projected`, of shape [dim], what the context from `context[contextAt]` says. */
  addTo(context: Float64Array, contextAt: number, projected: Float64Array): void {
    const hidden = this.#hidden;
    hidden.set(this.#headBias);
    addProduct(context, contextAt, this.#headWeights, hidden, this.#ofContext);
    addProduct(projected, 0, this.#headWeights, hidden, this.#ofProjection);
    rectify(hidden);
    addProduct(hidden, 0, this.#outWeights, projected, this.#toProjection);
  }
}
