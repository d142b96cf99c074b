import type { StatusReply } from "../../gateway/status.ts";
import type { ClusterStatus } from "../../supervisor/cluster-agent.ts";
import type { TopSample } from "./top-sample.ts";
import type { TopEndpoint, TopNode, TopRefusal, TopSegment, TopShard, TopState } from "./top-state.ts";

/** Looks whose rates are remembered, for the lines of the picture. */
const REMEMBERED = 60;
/** Longer silence than that of a node that is well, ms. */
const SILENT_MS = 1_000;
const SCORES = ["score", "score.batch", "score.session", "content"];

/** Makes rates of what counts up, from one look to the next. A count that falls is that of a process that has started again. */
export class TopRates {
  #before: TopSample | undefined;
  /** What gateways have refused, as each has told last: one of them answers each time. */
  readonly #refused = new Map<string, Readonly<{ atMs: number; counts: Readonly<Record<string, number>> }>>();
  readonly #refusalRates = new Map<string, ReadonlyMap<string, number>>();
  #lags: number[] = [];
  #events: number[] = [];

  add(sample: TopSample): TopState {
    const { status } = sample;
    const seconds = this.#before === undefined ? 0 : (sample.atMs - this.#before.atMs) / 1_000;
    const shards = shardsOf(status, this.#before?.status, seconds);
    const endpoints = endpointsOf(sample, this.#before, seconds);
    const eventsPerSecond = seconds > 0 ? sum(shards.map((shard) => shard.eventsPerSecond ?? 0)) : null;
    this.#lags = [...this.#lags, status.lag].slice(-REMEMBERED);
    if (eventsPerSecond !== null) this.#events = [...this.#events, eventsPerSecond].slice(-REMEMBERED);
    this.#heard(sample);
    const state: TopState = {
      timeMs: sample.timeMs,
      ready: status.ready,
      troubles: troublesOf(status),
      users: status.users,
      lag: status.lag,
      lagBefore: this.#lags,
      eventsPerSecond,
      eventsBefore: this.#events,
      scoresPerSecond:
        sample.endpoints === null || seconds === 0
          ? null
          : sum(endpoints.filter(({ endpoint }) => isScore(endpoint)).map(({ perSecond }) => perSecond)),
      statusMs: sample.statusMs,
      nodes: nodesOf(status.cluster as ClusterStatus, shards),
      shards,
      endpoints,
      segments: segmentsOf(sample, this.#before, seconds),
      refusals: this.#refusals(),
    };
    this.#before = sample;
    return state;
  }

  #heard({ atMs, status }: TopSample): void {
    const { node, gateway } = status;
    const before = this.#refused.get(node);
    const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000;
    if (seconds > 0) {
      const rates = Object.entries(gateway.refused).map(
        ([code, count]) => [code, rate(count, before?.counts[code] ?? 0, seconds)] as const,
      );
      this.#refusalRates.set(node, new Map(rates));
    }
    this.#refused.set(node, { atMs, counts: { ...gateway.refused } });
  }

  #refusals(): TopRefusal[] {
    const codes = new Set([...this.#refused.values()].flatMap(({ counts }) => Object.keys(counts)));
    return [...codes]
      .map((code) => ({
        code,
        count: sum([...this.#refused.values()].map(({ counts }) => counts[code] ?? 0)),
        perSecond:
          this.#refusalRates.size === 0
            ? null
            : sum([...this.#refusalRates.values()].map((rates) => rates.get(code) ?? 0)),
      }))
      .sort((a, b) => b.count - a.count);
  }
}

function shardsOf(status: StatusReply, before: StatusReply | undefined, seconds: number): TopShard[] {
  return status.shards.map((view): TopShard => {
    const nobody = { eventsPerSecond: null, users: 0, resident: 0, deadLetters: 0, diskFull: false };
    if (!view.ready) return { shard: view.shard, owner: null, lag: view.lag, ...nobody };
    const was = before?.shards.find(({ shard }) => shard === view.shard);
    // Another owner counts from its own start.
    const isSame = was?.ready === true && was.node === view.node;
    const { shard, node: owner, lag, users, resident, deadLetters, diskFull } = view;
    const eventsPerSecond = isSame && seconds > 0 ? rate(view.events, was.events, seconds) : null;
    return { shard, owner, eventsPerSecond, lag, users, resident, deadLetters, diskFull };
  });
}

function nodesOf({ nodes }: ClusterStatus, shards: readonly TopShard[]): TopNode[] {
  return nodes.map(({ name, roles, owns, standsBy, leaving, silentMs }) => {
    const owned = shards.filter(({ owner }) => owner === name);
    const rates = owned.flatMap(({ eventsPerSecond }) => eventsPerSecond ?? []);
    return {
      name,
      roles,
      owns: owns.length,
      standsBy: standsBy.length,
      eventsPerSecond: rates.length === 0 ? null : sum(rates),
      lag: sum(owned.map(({ lag }) => lag ?? 0)),
      state: leaving ? "leaving" : silentMs > SILENT_MS ? "silent" : "well",
    };
  });
}

function endpointsOf(sample: TopSample, before: TopSample | undefined, seconds: number): TopEndpoint[] {
  if (sample.endpoints === null || !before?.endpoints || seconds <= 0) return [];
  const was = new Map(before.endpoints.map((one) => [`${one.instance} ${one.endpoint}`, one]));
  const totals = new Map<string, { answered: number; failed: number; ms: number }>();
  for (const one of sample.endpoints) {
    const { answered, failed, refused, totalMs } = was.get(`${one.instance} ${one.endpoint}`) ?? NOTHING_YET;
    const total = totals.get(one.endpoint) ?? { answered: 0, failed: 0, ms: 0 };
    total.answered += Math.max(0, one.answered - answered);
    total.failed += Math.max(0, one.failed - failed) + Math.max(0, one.refused - refused);
    total.ms += Math.max(0, one.totalMs - totalMs);
    totals.set(one.endpoint, total);
  }
  return [...totals].map(([endpoint, { answered, failed, ms }]) => ({
    endpoint,
    perSecond: answered / seconds,
    meanMs: answered === 0 ? null : ms / answered,
    failedPerSecond: failed / seconds,
  }));
}

function segmentsOf(sample: TopSample, before: TopSample | undefined, seconds: number): TopSegment[] {
  if (sample.transitions === null || !before?.transitions || seconds <= 0) return [];
  const was = before.transitions;
  return [...sample.transitions]
    .map(([segment, { entered, left }]) => ({
      segment,
      enteredPerSecond: rate(entered, was.get(segment)?.entered ?? 0, seconds),
      leftPerSecond: rate(left, was.get(segment)?.left ?? 0, seconds),
    }))
    .sort((a, b) => b.enteredPerSecond - a.enteredPerSecond || (a.segment < b.segment ? -1 : 1));
}

function troublesOf({ shards, cluster, drift, gateway }: StatusReply): string[] {
  const unserved = shards.filter(({ ready }) => !ready).length;
  const full = shards.filter((shard) => shard.ready && shard.diskFull).length;
  const letters = sum(shards.map((shard) => (shard.ready ? shard.deadLetters : 0)));
  const { units } = cluster as ClusterStatus;
  const behind = units.filter(({ ready, standbys }) => ready.length < standbys.length).length;
  return [
    ...(unserved > 0 ? [`${unserved} shards are not answered for`] : []),
    ...(full > 0 ? [`${full} shards wait for room on a disk`] : []),
    ...(gateway.refusing.length > 0 ? [`${gateway.refusing.length} shards take no events`] : []),
    ...(letters > 0 ? [`${letters} dead letters`] : []),
    ...(behind > 0 ? [`${behind} units with a standby behind`] : []),
    ...(drift?.alerts ?? []).map(({ kind, of }) => `drift: ${kind} of ${of}`),
  ];
}

const NOTHING_YET = { answered: 0, failed: 0, refused: 0, totalMs: 0 };

function isScore(endpoint: string): boolean {
  return SCORES.includes(endpoint);
}

function rate(now: number, before: number, seconds: number): number {
  return Math.max(0, now - before) / seconds;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
