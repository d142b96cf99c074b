import { clientsTarget } from "./clients-target.ts";
import { type FuzzInput, JSON_TYPE, MSGPACK_TYPE } from "./fuzz-inputs.ts";
import { type FuzzWorld, fuzzWorld } from "./fuzz-world.ts";
import { httpTarget } from "./http-target.ts";
import { openHttpIntake } from "./open-http-intake.ts";
import { FULL_EVENT, RECORDED } from "./recorded-messages.ts";
import type { FuzzTarget } from "./run-fuzz.ts";

const BOTH = [JSON_TYPE, MSGPACK_TYPE];
/** A world in which so many definitions were put is exchanged for a new one: versions are kept. */
const PUTS_MAX = 500;
/** Codes, endpoints and purposes that there are, at most. */
const NAMES_MAX = 120;

const SHAPES = {
  "ingest-json": { endpoints: ["ingest"], types: [JSON_TYPE] },
  "ingest-msgpack": { endpoints: ["ingest"], types: [MSGPACK_TYPE] },
  score: { endpoints: ["score"], types: BOTH },
  "score.batch": { endpoints: ["score.batch"], types: BOTH },
  "score.session": { endpoints: ["score.session"], types: BOTH },
  explain: { endpoints: ["explain"], types: BOTH },
  "segments.put": { endpoints: ["segments.put"], types: BOTH },
  other: {
    endpoints: [
      "content",
      "content.put",
      "experiments.define",
      "profiles",
      "status",
      "segments.get",
      "privacy.put",
    ],
    types: BOTH,
  },
} as const;

/** Something to fuzz: endpoints over memory, the HTTP intake in front of them, or what other products' clients send to it. */
export type TargetName = keyof typeof SHAPES | "http" | "clients";

export const TARGETS: readonly TargetName[] = [
  ...(Object.keys(SHAPES) as (keyof typeof SHAPES)[]),
  "http",
  "clients",
];

/** A target, in a world of its own. */
export function fuzzTarget(name: TargetName): Promise<FuzzTarget> {
  if (name === "clients") return ofClients();
  return name === "http" ? overHttp() : overMemory(name);
}

async function ofClients(): Promise<FuzzTarget> {
  const world = await fuzzWorld();
  return { ...clientsTarget(world, () => leftIn(world)), rest: () => world.rest() };
}

async function overHttp(): Promise<FuzzTarget> {
  const world = await fuzzWorld();
  const intake = await openHttpIntake(world);
  const target = httpTarget(intake, () => leftIn(world));
  return { ...target, rest: () => world.rest(), close: () => intake.close() };
}

async function overMemory(name: keyof typeof SHAPES): Promise<FuzzTarget> {
  let world = await fuzzWorld();
  const carried = { events: [FULL_EVENT], token: await world.token() };
  const recorded = { ...RECORDED, "score.session": [...(RECORDED["score.session"] ?? []), carried] };
  const shape = { ...SHAPES[name], recorded };
  let puts = 0;
  const left: string[] = [];
  return {
    name,
    shape,
    async send(input: FuzzInput) {
      if (input.endpoint.endsWith(".put") && ++puts % PUTS_MAX === 0) {
        left.push(...leftIn(world));
        world = await fuzzWorld();
      }
      return world.send(input.endpoint, input.data, input.contentType);
    },
    rest: () => world.rest(),
    left: () => [...left, ...leftIn(world)],
  };
}

function leftIn(world: FuzzWorld): string[] {
  const names = world.counted();
  return [
    ...world.deadLetters.map((thrown) => `dead letter: ${String((thrown as Error).stack)}`),
    ...(names > NAMES_MAX ? [`counts are kept under ${names} names`] : []),
  ];
}
