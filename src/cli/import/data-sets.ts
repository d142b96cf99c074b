import { GLOBO } from "./globo.ts";
import type { DataSet } from "./imported.ts";
import { MOVIELENS } from "./movielens.ts";
import { RETAILROCKET } from "./retailrocket.ts";
import { SEGMENT } from "./segment-export.ts";
import { YOOCHOOSE } from "./yoochoose.ts";

/** What `resonance import` reads. */
export const DATA_SETS: readonly DataSet[] = [MOVIELENS, RETAILROCKET, YOOCHOOSE, GLOBO, SEGMENT];
