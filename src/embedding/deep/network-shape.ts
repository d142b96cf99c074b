import { EVENT_INPUTS } from "../event-inputs.ts";

/** The networks beside the linear encoder. */
export type DeepKind = "autoencoder" | "gru" | "transformer";

/** The sizes that a network's arrays follow from. */
export type NetworkShape = Readonly<{
  kind: DeepKind;
  /** Of an embedding, and of a token's vector. */
  dim: number;
  features: number;
}>;

/** Sizes of the networks, measured to be enough: twice as many of any gained nothing on the sets at hand. */
export const SIZES = {
  /** Between an event's vector and the recurrence. */
  event: 48,
  recurrent: 64,
  code: 64,
  head: 32,
  /** Of the transformer: two layers with a window of 16 events see the newest 31. */
  layers: 2,
  heads: 2,
  width: 16,
  window: 16,
  feedForward: 32,
} as const;

/** Newest events that the transformer's output depends on. */
export const EVENTS_SEEN = SIZES.layers * (SIZES.window - 1) + 1;

/** Name and shape of each array that is served, in the artefact's order. */
export function servedArrays({ kind, dim, features }: NetworkShape): Record<string, readonly number[]> {
  const input = dim + EVENT_INPUTS;
  switch (kind) {
    case "autoencoder":
      return {
        codeWeights: [features + dim, SIZES.code],
        codeBias: [SIZES.code],
        outWeights: [SIZES.code, dim],
      };
    case "gru":
      return {
        eventWeights: [input, SIZES.event],
        eventBias: [SIZES.event],
        gateWeights: [SIZES.event, SIZES.recurrent],
        gateBias: [SIZES.recurrent],
        stateWeights: [SIZES.event, SIZES.recurrent],
        stateBias: [SIZES.recurrent],
        decay: [SIZES.recurrent],
        ...headArrays(SIZES.recurrent, dim),
      };
    case "transformer": {
      const layers = Array.from({ length: SIZES.layers }, (_, layer) => layerArrays(layer));
      return Object.assign(
        { eventWeights: [input, SIZES.width], eventBias: [SIZES.width] },
        ...layers,
        headArrays(SIZES.width, dim),
      );
    }
  }
}

/** Arrays that only training uses: what decodes the code, how sharp each map is, and what guesses the next category. */
export function trainingArrays(
  { kind, dim, features }: NetworkShape,
  maps: number,
): Record<string, readonly number[]> {
  const common = { sharpness: [maps, 2], nextWeights: [dim, dim] };
  if (kind !== "autoencoder") return common;
  return {
    ...common,
    decodeWeights: [dim, SIZES.code],
    decodeBias: [SIZES.code],
    restoreWeights: [SIZES.code, features + dim],
    restoreBias: [features + dim],
  };
}

function layerArrays(layer: number): Record<string, readonly number[]> {
  const { width, feedForward, heads } = SIZES;
  return {
    [`query${layer}`]: [width, width],
    [`key${layer}`]: [width, width],
    [`value${layer}`]: [width, width],
    [`mixed${layer}`]: [width, width],
    [`age${layer}`]: [heads],
    [`wide${layer}`]: [width, feedForward],
    [`wideBias${layer}`]: [feedForward],
    [`narrow${layer}`]: [feedForward, width],
  };
}

function headArrays(context: number, dim: number): Record<string, readonly number[]> {
  return {
    headWeights: [context + dim, SIZES.head],
    headBias: [SIZES.head],
    outWeights: [SIZES.head, dim],
  };
}
