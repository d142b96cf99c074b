import { addScaled } from "../vector.ts";
import { addProduct, type ProductShape, rectify } from "./layers.ts";
import { SIZES } from "./network-shape.ts";
import { float64Of, type ServedNetwork, type StandardFeatures } from "./served-network.ts";

/** The encoding half of an autoencoder over the standardised features and the linear projection. It keeps no state. */
export class ServedAutoencoder implements ServedNetwork {
  readonly slots = 0;
  readonly #weights: Float64Array;
  readonly #outWeights: Float64Array;
  /** The hidden layer of a user without any feature, before the projection is added; shape [code]. */
  readonly #ofNothing: Float64Array;
  readonly #hidden = new Float64Array(SIZES.code);
  readonly #ofProjection: ProductShape;
  readonly #toProjection: ProductShape;

  /** @param ofZero - Shape [features]: a feature of 0, standardised. */
  constructor(arrays: Readonly<Record<string, Float32Array>>, ofZero: Float64Array, dim: number) {
    this.#weights = float64Of(arrays, "codeWeights");
    this.#outWeights = float64Of(arrays, "outWeights");
    this.#ofNothing = float64Of(arrays, "codeBias");
    const features = ofZero.length;
    const ofFeatures = { inputs: features, outputs: SIZES.code, firstRow: 0, outAt: 0 };
    addProduct(ofZero, 0, this.#weights, this.#ofNothing, ofFeatures);
    this.#ofProjection = { inputs: dim, outputs: SIZES.code, firstRow: features, outAt: 0 };
    this.#toProjection = { inputs: SIZES.code, outputs: dim, firstRow: 0, outAt: 0 };
  }

  fold(): void {}

  addTo(
    _slab: Float64Array,
    _at: number,
    _laterMs: number,
    standard: StandardFeatures,
    projected: Float64Array,
  ): void {
    const hidden = this.#hidden;
    hidden.set(this.#ofNothing);
    const { count, differences, places } = standard;
    for (let i = 0; i < count; i++) {
      addScaled(hidden, 0, this.#weights, places[i]! * SIZES.code, SIZES.code, differences[i]!);
    }
    addProduct(projected, 0, this.#weights, hidden, this.#ofProjection);
    rectify(hidden);
    addProduct(hidden, 0, this.#outWeights, projected, this.#toProjection);
  }
}
