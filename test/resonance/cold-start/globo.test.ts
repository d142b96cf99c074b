import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { splitUsers } from "../../../src/cli/evaluate/split.ts";
import { readEventsFile } from "../../../src/cli/read-events-file.ts";
import { readRecording } from "../../../src/cli/recording/read-recording.ts";
import { decodeEncoder } from "../../../src/embedding/decode-encoder.ts";
import type { History } from "../../../src/embedding/encoder.ts";
import { FEATURES } from "../../../src/features/all-families.ts";
import { arrivalOf } from "../../../src/features/arrival.ts";
import { EngineScorer } from "../../../src/resonance/evaluation/engine-scorer.ts";
import { fitRelease } from "../../../src/resonance/fit-release.ts";
import type { FittedCalibration } from "../../../src/resonance/published-profiles.ts";

/** Clicks on a news portal, whose labels tell how each user came at first, as raw codes. */
const FOLDER = process.env["RESONANCE_DATA"] ?? join(import.meta.dirname, "../../../../shared/data");
const USERS = join(FOLDER, "globo.users.jsonl.gz");
const EVENTS = join(FOLDER, "globo.events.jsonl.gz");
const isPresent = existsSync(USERS) && existsSync(EVENTS);
/** Users whose clicks are read: an encoder for all of them takes minutes. Contexts are learnt from everybody. */
const CLICKERS = 5_000;
const DEPTHS = [0, 1, 5, 10] as const;
const SEED = 1;
const TIMEOUT_MS = 600_000;

/** Everybody, as they came, without what they did. */
async function everybody(): Promise<History[]> {
  const users: History[] = [];
  for await (const line of await readEventsFile(USERS)) {
    if (line.kind === "bad") continue;
    const { user, labels } = line.value as { user: string; labels: Record<string, string> };
    const { region = "", referrer = "", os = "", deviceGroup = "", environment = "" } = labels;
    const arrival = arrivalOf({ referrer, os, device: deviceGroup, environment });
    users.push({ user, labels: { region }, events: [], ...(arrival === undefined ? {} : { arrival }) });
  }
  return users;
}

describe.skipIf(!isPresent)(
  "cold start on the set globo: regions by referrer, system, device and environment",
  () => {
    let calibration: FittedCalibration;
    /** Mean log-loss of masked users before any event, with the context and by the shares alone. */
    const before = { told: 0, prior: 0, users: 0 };
    /** Of those whose clicks were read, after so many. */
    const after = DEPTHS.map(() => 0);

    beforeAll(async () => {
      const all = await everybody();
      const maps = [{ name: "region", label: "region" }];
      const read = await readRecording(
        { eventsPath: EVENTS, usersPath: USERS, maps, usersMax: CLICKERS },
        () => {},
      );
      const clicked = new Map(read.histories.map((history) => [history.user, history]));
      const histories = all.map((one): History => ({ ...one, events: clicked.get(one.user)?.events ?? [] }));
      const { masked } = splitUsers(
        all.map(({ user }) => user),
        { kind: "hash", seed: SEED },
      );
      const members = histories.filter(({ user }) => !masked.has(user));
      const release = fitRelease(members, read.maps, FEATURES, { seed: SEED, dimMax: 64 });
      [calibration] = release.calibrations as [FittedCalibration];
      const [map] = read.maps;
      const scorer = new EngineScorer({
        encoder: decodeEncoder(release.artefact, FEATURES),
        calibration,
        map: map!,
        members: members.filter(({ events }) => events.length > 0),
        schema: FEATURES,
      });
      const regions = new Map(map!.segments.map(({ name }, k) => [name, k]));
      let clickers = 0;
      for (const { user, labels, events, arrival } of histories) {
        const region = regions.get(labels["region"] ?? "");
        if (!masked.has(user) || region === undefined) continue;
        const loss = (told: Float64Array): number => {
          let segments = 0;
          for (const k of regions.values()) segments += told[k]!;
          return -Math.log(told[region]! / segments);
        };
        before.users++;
        scorer.score([], [0], (_, told) => (before.told += loss(told)), arrival);
        scorer.score([], [0], (_, told) => (before.prior += loss(told)));
        if (events.length === 0) continue;
        clickers++;
        scorer.score(events, DEPTHS, (d, told) => (after[d]! += loss(told)), arrival);
      }
      before.told /= before.users;
      before.prior /= before.users;
      for (const d of after.keys()) after[d]! /= clickers;
    }, TIMEOUT_MS);

    test("before any event the log-loss is at least .018 nats below that of the shares", () => {
      expect(before.users).toBeGreaterThan(60_000);
      expect(before.prior - before.told).toBeGreaterThan(0.018);
    });

    test("what was measured on the members is what masked users show", () => {
      const { gain } = calibration.contextPrior!;
      expect(Math.abs(gain.without - gain.logLoss - (before.prior - before.told))).toBeLessThan(0.003);
    });

    test("clicks only improve it from there", () => {
      for (const [d, loss] of after.entries()) if (d > 0) expect(loss).toBeLessThan(after[d - 1]!);
    });
  },
);
