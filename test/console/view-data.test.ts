import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ListedLetter } from "../../src/console/letter-routes.ts";
import type { SegmentsView } from "../../src/console/segment-routes.ts";
import type { ClusterReply, MeasuredView, PrivacyView } from "../../src/console/state-routes.ts";
import type { ExperimentReportReply } from "../../src/gateway/experiments.ts";
import type { Standing } from "../../src/gateway/standing.ts";
import type { VisitorLens } from "../../src/gateway/visitor-lens.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { untilFolded } from "../integration/node-client.ts";
import { SHARDS, type ShopNode, startShopNode } from "./shop-node.ts";

describe("what the console's views ask of a node", () => {
  let world: ShopNode;
  const read = async <Reply>(path: string): Promise<Reply> => {
    const { status, body } = await world.get(path);
    expect({ path, status }).toEqual({ path, status: 200 });
    return body as Reply;
  };

  beforeAll(async () => {
    world = await startShopNode();
  }, 180_000);
  afterAll(() => world?.close());

  /** The visitor of the shop who has done most. */
  const busiest = async (): Promise<VisitorLens> => {
    let most: VisitorLens | undefined;
    for (let i = 0; i < 12; i++) {
      const lens = await read<VisitorLens>(`visitor?user=visitor-${i}`);
      if (most === undefined || lens.counts.done > most.counts.done) most = lens;
    }
    return most!;
  };

  test("a visitor's journey ends at what they are scored now, and each event's sources make its change", async () => {
    const lens = await busiest();
    const { points, events, segments, answer, isExact } = lens;
    expect(lens.counts.done).toBeGreaterThan(3);
    expect(isExact).toBe(true);
    expect(points).toHaveLength(events.length + 1);
    expect(events.at(-1)?.done).toBe(lens.counts.done);
    const score = (await world.client.ask("score", { user: lens.user })) as ScoreAnswer;
    for (const [k, { probability, resonating }] of score.segments.entries()) {
      expect(answer.segments[k]?.probability).toBeCloseTo(probability, 9);
      expect(answer.segments[k]?.resonating).toBe(resonating);
      expect(points.at(-1)?.probabilities[k]).toBeCloseTo(probability, 5);
    }
    const seen = points.flatMap(({ probabilities }) => probabilities.slice(0, segments.length));
    expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThan(0.05); // There is something to see.
    for (const { done } of events.slice(-5)) {
      const one = await read<VisitorLens>(`visitor?user=${lens.user}&done=${done}`);
      const event = events.findIndex((told) => told.done === done);
      expect(one.step?.event).toBe(event);
      for (const k of segments.keys()) {
        const change = (one.step?.sources ?? []).reduce(
          (sum, { before, after }) => sum + (after[k] ?? 0) - (before[k] ?? 0),
          0,
        );
        const odds = ({ probabilities }: VisitorLens["points"][number]) =>
          Math.log((probabilities[k] ?? 0) / (probabilities.at(-1) ?? 1));
        expect(Math.abs(change - odds(one.points[event + 1]!) + odds(one.points[event]!))).toBeLessThan(1e-2);
      }
    }
  });

  test("whoever may not be known, is being erased or was never there is told as such", async () => {
    const carl = await read<VisitorLens>("visitor?user=carl");
    expect(carl.person).toMatchObject({ mayBeKnown: false });
    expect(carl.person?.purposes).toContainEqual({
      purpose: "personalisation",
      isAllowed: false,
      answer: false,
    });
    expect(carl.answer).toMatchObject({ known: false, reason: "consent" });
    expect(carl.points).toHaveLength(1);
    const nobody = await read<VisitorLens>("visitor?user=nobody-at-all");
    expect(nobody).toMatchObject({ person: null, erasing: null, events: [] });
    await world.client.ask("erase", { user: "moody-3", waitMs: 0 });
    const erased = await read<VisitorLens>("visitor?user=moody-3");
    expect(erased.person === null || erased.erasing !== null).toBe(true);
    const { status, body } = await world.get("visitor?user=ada&map=nothing");
    expect({ status, body }).toMatchObject({ status: 400, body: { code: "UNKNOWN_MAP" } });
    expect((await world.get("visitor")).body).toMatchObject({ code: "MISSING_FIELD" });
    expect((await world.get("visitor?user=ada&done=x")).body).toMatchObject({ code: "WRONG_TYPE" });
  });

  test("segments come with their curves, and those who stand where are counted over all shards", async () => {
    const { maps } = await read<SegmentsView>("segments");
    const shopper = maps.find(({ map }) => map === "shopper");
    expect(shopper?.quality?.curves.length).toBe(shopper?.segments.length);
    const segment = shopper?.segments[0]?.segment ?? "";
    const standing = await read<Standing>(`segments/shopper/standing?segment=${segment}`);
    expect(standing.users).toBeGreaterThan(100);
    expect(standing.segments).toEqual(shopper?.segments.map((one) => one.segment));
    expect(standing.moves.users).toBe(standing.users);
    expect(standing.moves.resonating).toBe(standing.resonating[0]);
    expect((await world.get("segments/nothing/standing")).body).toMatchObject({ code: "UNKNOWN_MAP" });
  });

  test("a threshold is put by an operator for one segment, over definitions that are as they were seen", async () => {
    const { version, maps } = await read<SegmentsView>("segments");
    const shopper = maps.find(({ map }) => map === "shopper");
    const segment = shopper?.segments[1]?.segment ?? "";
    const path = "segments/shopper/threshold";
    const given = { segment, enter: 0.42, version };
    expect((await world.post(path, given)).status).toBe(401);
    const key = world.operatorKey;
    expect((await world.post(path, { ...given, enter: 2 }, key)).body).toMatchObject({ code: "WRONG_TYPE" });
    expect((await world.post(path, { ...given, version: version + 7 }, key)).body).toMatchObject({
      code: "DEFINITIONS_CHANGED",
    });
    expect((await world.post(path, { ...given, segment: "x" }, key)).body).toMatchObject({
      code: "UNKNOWN_SEGMENT",
    });
    expect(await world.post(path, given, key)).toEqual({ status: 200, body: { version: version + 1 } });
    for (;;) {
      await world.act(100); // What is published next has it.
      const now = (await read<SegmentsView>("segments")).maps.find(({ map }) => map === "shopper");
      const threshold = now?.segments.find((one) => one.segment === segment)?.threshold;
      if (threshold?.enter === 0.42) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  test("experiments tell their intervals over time, and are stopped by an operator", async () => {
    const report = await read<ExperimentReportReply>("experiments/hero");
    expect(report.units).toBeGreaterThan(200);
    expect(report.primary.lifts[0]?.interval.lower).not.toBeNull();
    expect(report.overTime.length).toBeGreaterThan(1);
    expect(await read("experiments")).toMatchObject({ experiments: [{ experiment: "hero", stopped: null }] });
    expect((await world.get("experiments/none")).body).toMatchObject({ code: "UNKNOWN_EXPERIMENT" });
    expect((await world.post("experiments/hero/stop")).status).toBe(401);
    const stopped = await world.post("experiments/hero/stop", {}, world.operatorKey);
    expect(stopped).toMatchObject({ status: 200, body: { experiment: "hero" } });
  });

  test("privacy tells the policy, what is spent, and what was refused", async () => {
    const view = await read<PrivacyView>("privacy");
    expect(view.maps).toMatchObject([{ map: "mood", epsilon: 50 }]);
    expect(view.policy.purposes).toMatchObject({ personalisation: "opt-out" });
    expect(view.erasing.map(({ shard }) => shard)).toEqual([0, 1]);
    expect(view.consent.withdrawals).toBeGreaterThan(0);
    const byPurpose = Object.values(view.consent.by.withdrawals).reduce((sum, count) => sum + count, 0);
    expect(byPurpose).toBe(view.consent.withdrawals);
  });

  test("what was measured against exact profiles of private maps is told to operators only", async () => {
    for (const key of [undefined, world.readerKey]) {
      expect(JSON.stringify(await world.get("privacy", key))).not.toMatch(/measured|exactCount|"auc"/);
      expect((await world.get("privacy/measured", key)).status).toBe(key === undefined ? 401 : 403);
    }
    const { maps } = (await world.get("privacy/measured", world.operatorKey)).body as MeasuredView;
    expect(maps).toMatchObject([{ map: "mood", measured: { segments: [{}, {}] } }]);
    expect(maps[0]?.measured?.segments[0]?.exactCount).toEqual(expect.any(Number));
  });

  test("the cluster is told with each shard, and whether the node is ready", async () => {
    const cluster = await read<ClusterReply>("cluster");
    expect(cluster.shards).toHaveLength(SHARDS);
    expect(cluster).toMatchObject({ node: "shop-1", ready: true, handOvers: [] });
  });

  test("dead letters are listed without whose they are, and shown, tried again or dropped by operators", async () => {
    const { letters } = await read<{ letters: readonly ListedLetter[] }>("dead-letters");
    expect(letters).toHaveLength(3);
    expect(JSON.stringify(letters)).not.toContain("ada");
    const [first, second] = letters.map(({ id }) => id);
    expect((await world.get(`dead-letters/${first}`)).status).toBe(401);
    const key = world.operatorKey;
    expect((await world.get(`dead-letters/${first}`, key)).body).toMatchObject({ entry: { user: "ada" } });
    expect((await world.post(`dead-letters/${first}/retry`, {}, key)).body).toEqual({ retried: first });
    expect((await world.post(`dead-letters/${first}/retry`, {}, key)).body).toMatchObject({
      code: "NO_SUCH_LETTER",
    });
    expect((await world.post(`dead-letters/${second}/drop`, {}, key)).body).toEqual({ dropped: second });
    await untilFolded(world.client);
    const after = await read<{ letters: readonly ListedLetter[] }>("dead-letters");
    expect(after.letters.map(({ id }) => id)).toEqual([letters[2]?.id, (letters[2]?.id ?? 0) + 1]);
  });
});
