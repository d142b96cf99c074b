import { expect, test } from "vitest";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { LogHistories } from "../../src/shards/log-histories.ts";

const map: SegmentMap = {
  name: "stage",
  mode: "exclusive",
  segments: [{ name: "new" }, { name: "loyal" }, { name: "vip", rule: { trait: "plan", equals: "gold" } }],
  window: { bucketMs: 86_400_000, buckets: 60 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

let next = 0;
function behaviour(user: string, given: Partial<Behaviour> = {}): Behaviour {
  next++;
  return { kind: "behaviour", id: `event-${next}`, user, type: "view", tsMs: 1e12 + next, ...given };
}

function historiesOf(...behaviours: readonly Behaviour[]) {
  const folded = new LogHistories();
  for (const one of behaviours) folded.fold(one);
  return folded.histories([map]);
}

const identify = (user: string, segment: string | null) =>
  behaviour(user, { type: "identify", segments: { stage: segment } });

test("a member's whole history is there, in the order of time, with the label said last", () => {
  const [early, late] = [
    behaviour("ada", { item: "a", tsMs: 1e12 }),
    behaviour("ada", { item: "b", tsMs: 2e12 }),
  ];
  const [ada] = historiesOf(identify("ada", "new"), late, early, identify("ada", "loyal"));
  expect(ada).toMatchObject({ user: "ada", labels: { stage: "loyal" } });
  expect(ada?.events).toEqual([toFeatureEvent(early), toFeatureEvent(late)]);
});

test("how a member came is told by the first act that tells it", () => {
  const [ada, bob] = historiesOf(
    ...[identify("ada", "new"), behaviour("ada"), behaviour("ada", { context: { os: "android" } })],
    behaviour("ada", { context: { os: "ios" } }),
    ...[behaviour("bob"), identify("bob", "new")],
  );
  expect(ada?.arrival).toEqual(arrivalOf({ os: "android" }));
  expect(bob).not.toHaveProperty("arrival");
});

test("each user has labels of their own", () => {
  const users = historiesOf(
    behaviour("ada"),
    identify("ada", "new"),
    behaviour("bob"),
    identify("bob", "loyal"),
  );
  expect(users.map(({ labels }) => labels["stage"])).toEqual(["new", "loyal"]);
});

test("members by rule are told by their traits; a user out of the map has no segment", () => {
  const users = historiesOf(
    ...[behaviour("ada"), behaviour("ada", { type: "identify", traits: { plan: "gold" } })],
    ...[behaviour("bob"), identify("bob", "new"), identify("bob", null)],
  );
  expect(users.map(({ labels }) => labels)).toEqual([{ stage: "vip" }, {}]);
});

test("anonymous visitors are left out, and an id that comes again counts once", () => {
  const view = behaviour("ada");
  const users = historiesOf(behaviour("stranger"), view, view, identify("ada", "new"));
  expect(users.map(({ user, events }) => [user, events.length])).toEqual([["ada", 1]]);
});

test("what is refused is dropped, also where it was given before, and what is given later stays", () => {
  const withPeer = (consent?: Record<string, boolean>) =>
    behaviour("ada", { peer: "bob", ...(consent === undefined ? {} : { consent }) });
  const withdrawn = behaviour("ada", { type: "consent", consent: { social: false } });
  const [ada] = historiesOf(
    ...[identify("ada", "new"), withPeer({ social: true }), withdrawn, withPeer()],
    withPeer({ social: true }),
  );
  expect(ada?.events.map(({ peerHash }) => peerHash !== 0)).toEqual([false, false, true]);
});

test("who refuses to be personalised for is no example, and what they did before stays out if they consent again", () => {
  const consent = (personalisation: boolean) =>
    behaviour("ada", { type: "consent", consent: { personalisation } });
  const before = [identify("ada", "new"), behaviour("ada"), consent(false), behaviour("ada")];
  expect(historiesOf(...before)).toEqual([]);
  const [ada] = historiesOf(...before, consent(true), behaviour("ada", { item: "later" }));
  expect(ada?.events).toHaveLength(1);
  expect(ada?.labels).toEqual({});
});
