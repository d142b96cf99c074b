import { TOKEN_GROUPS } from "../event-tokens.ts";
import type { FitMaterial } from "../fit-material.ts";
import type { LinearWeights } from "../linear-artefact.ts";
import { artefactOf, fitWithout, tokenColumns } from "../linear-fit.ts";
import type { NetworkBase } from "./deep-artefact.ts";
import { RefinedTable } from "./refined-table.ts";
import type { BatchSource } from "./sequence-batch.ts";

/** What a network is trained on: a linear fit without one fold, and token tables that keep every user's label out. */
export type NetworkMaterial = BatchSource &
  Readonly<{
    fit: FitMaterial;
    /** The fold that is not learnt from; undefined if all are. */
    leftOut: number | undefined;
    /** What training adds to the rows of the token table; shape [tokens, dim]. Changed in place. */
    added: Float32Array;
    /** Linear weights with the labels of all folds: what serves. */
    servedBase: () => NetworkBase;
    /** Tokens whose next use is to be guessed: topics, or things where there are none; 1 for each. */
    isTarget: Uint8Array;
  }>;

/**
 * Fits the linear encoder that a network starts from, without one fold or of all.
 *
 * The token table of each user comes from the labels of other folds: else a rare item would tell the label of
 * the very user whom the network learns from, and it would trust rare items.
 */
export function networkMaterial(fit: FitMaterial, leftOut: number | undefined): NetworkMaterial {
  const { corpus, options } = fit;
  const linear = fitWithout(fit, leftOut);
  const baseOf = (folds: readonly number[], strangers?: number): NetworkBase =>
    withoutEarly(artefactOf(fit, { ...linear, labels: tokenColumns(fit, folds, strangers) }));
  const all = Array.from({ length: options.folds }, (_, fold) => fold);
  const learning = all.filter((fold) => fold !== leftOut);
  const base = baseOf(learning, leftOut);
  const added = new Float32Array(base.table.length);
  const tables = all.map((fold) => {
    const others = learning.filter((other) => other !== fold);
    const { table } = fold === leftOut ? base : baseOf(others, fold);
    return new RefinedTable(table, added, linear.dim);
  });
  const target = corpus.groupOf.includes(TOKEN_GROUPS.topic) ? TOKEN_GROUPS.topic : TOKEN_GROUPS.thing;
  return {
    fit,
    corpus,
    base,
    tableOf: (user) => tables[corpus.foldOf[user]!]!,
    leftOut,
    added,
    servedBase: () => baseOf(all),
    isTarget: corpus.groupOf.map((group) => (group === target ? 1 : 0)),
  };
}

function withoutEarly({ early: _early, ...base }: LinearWeights): NetworkBase {
  return base;
}
