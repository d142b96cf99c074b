import { expect, test } from "vitest";
import { memoryBlobStore } from "../src/adapters/memory-blob-store.ts";
import { arrivalOf } from "../src/features/arrival.ts";
import { encodeProfiles } from "../src/profiles/profiles-codec.ts";
import { profilesOf } from "../src/profiles/publish.ts";
import { WindowLedger } from "../src/profiles/window-ledger.ts";
import { releaseKeys, releasesOf } from "../src/releases.ts";
import { calibrate } from "../src/resonance/calibrate.ts";
import { aMap, arrivedWorld } from "./resonance/cold-start/arrived-world.ts";

const MAP = aMap();

/** A store with profiles of version 1, whose calibration has learnt contexts. */
async function storeWithContexts() {
  const { members, heldOut } = arrivedWorld({ users: 1_000 });
  const fitted = calibrate("e1", MAP, heldOut, members);
  const blobs = memoryBlobStore();
  const key = releaseKeys.calibration("e1");
  const ledger = new WindowLedger("e1", () => undefined, { maps: [MAP], watermarkMs: 0 });
  const published = profilesOf(ledger, MAP, { version: 1, dim: 2, calibrations: [fitted], fittedIn: key });
  await blobs.put(key, new TextEncoder().encode(JSON.stringify([fitted])));
  await blobs.put(releaseKeys.profiles(MAP.name, 1), encodeProfiles(published));
  await blobs.put(releaseKeys.profiles(MAP.name, 2), encodeProfiles({ ...published, version: 2 }));
  return { blobs, key, published, fitted };
}

test("a publication leaves the counts out, and comes with the table of where its calibration lies", async () => {
  const { blobs, published, fitted } = await storeWithContexts();
  expect(fitted.contextPrior?.counts).toBeDefined();
  expect(published.calibration.contextPrior).not.toHaveProperty("counts");
  const read = await releasesOf(blobs).profiles(MAP.name, 1);
  const offsets = new Float64Array(MAP.segments.length + 1);
  expect(read?.contextTable?.addInto(arrivalOf({ referrer: "r0" })!, 1, offsets)).toBe(true);
  expect(offsets[0]).toBeGreaterThan(0.3);
});

test("publications of one calibration share a table", async () => {
  const { blobs } = await storeWithContexts();
  const releases = releasesOf(blobs);
  const [one, two] = [await releases.profiles(MAP.name, 1), await releases.profiles(MAP.name, 2)];
  expect(two?.contextTable).toBe(one?.contextTable);
});

test("profiles whose calibration is not there any more are not there either", async () => {
  const { blobs, key } = await storeWithContexts();
  await blobs.put(key, new TextEncoder().encode("[]"));
  expect(await releasesOf(blobs).profiles(MAP.name, 1)).toBeUndefined();
});
