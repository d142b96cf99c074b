import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../adapters/system-clock.ts";
import type { ScoreReply } from "../../gateway/score.ts";
import type { LiveState, LiveTransition, LiveVisitor } from "../view/live-state.ts";
import { showLiveView } from "../view/live-view.ts";
import { type Accuracy, measureAccuracy } from "./measure-accuracy.ts";
import type { DemoScene } from "./run-demo.ts";

const WATCHED = 6;
const LOOK_EVERY_MS = 250;
const ACCURACY_EVERY_MS = 3_000;
const ACCURACY_VISITORS = 400;
const SECONDS_SHOWN = 60;
const TRANSITIONS_SHOWN = 6;
const MIN_EVENTS = 5;

/** Shows a demo in the terminal until the signal: throughput, latencies, and the distributions of a few visitors. */
export async function showDemo(scene: DemoScene, signal: AbortSignal): Promise<void> {
  const { client, traffic } = scene;
  const throughput: number[] = [];
  const transitions: LiveTransition[] = [];
  let visitors: readonly LiveVisitor[] = [];
  let versions: LiveState["versions"] = null;
  let accuracy: Accuracy | null = null;

  const wildcard = client.subjects.transition("*", "*");
  const heard = await client.bus.subscribe(wildcard, (subject, data) => {
    const told = JSON.parse(new TextDecoder().decode(data)) as Omit<LiveTransition, "atMs"> & { at: number };
    transitions.unshift({ ...told, atMs: told.at, segment: subject.split(".").at(-1) ?? "" });
    transitions.length = Math.min(transitions.length, TRANSITIONS_SHOWN);
  });
  const every = async (ms: number, act: () => Promise<void> | void): Promise<void> => {
    while (!signal.aborted) {
      await Promise.resolve(act()).catch(() => {}); // The traffic reports trouble; the view goes on.
      await sleep(ms, undefined, { signal }).catch(() => {});
    }
  };
  let before = 0;
  const count = (): void => {
    throughput.push(traffic.accepted() - before);
    before = traffic.accepted();
    if (throughput.length > SECONDS_SHOWN) throughput.shift();
  };
  const look = async (): Promise<void> => {
    const users = strangers(scene, WATCHED);
    if (users.length === 0) return;
    const reply = (await client.ask("score.batch", { users })) as { answers: readonly ScoreReply[] };
    versions = reply.answers[0]?.versions ?? versions;
    visitors = reply.answers.map((resonance) => ({
      user: resonance.user,
      truth: scene.shop.truthOf(resonance.user),
      resonance,
    }));
  };
  const judge = async (): Promise<void> => {
    accuracy = await measureAccuracy(client, scene.shop, strangers(scene, ACCURACY_VISITORS));
  };
  const state = (): LiveState => {
    const trouble = traffic.trouble();
    return {
      ...(scene.console === undefined ? {} : { console: scene.console }),
      title: `Resonance demo · nats-server ${scene.nats.version} (${scene.nats.source})`,
      runningMs: systemClock.monotonicMs() - scene.beganMs,
      eventTimeMs: traffic.eventTimeMs(),
      throughput,
      accepted: traffic.accepted(),
      refused: traffic.refused(),
      latencies: [
        { name: "score", summary: traffic.scoreLatency.summary() },
        { name: "click to new score", summary: traffic.visibleLatency.summary() },
      ],
      accuracy,
      versions,
      visitors,
      transitions,
      ...(trouble === undefined ? {} : { trouble }),
    };
  };
  await Promise.all([
    showLiveView(state, process.stdout, signal),
    every(1_000, count),
    every(LOOK_EVERY_MS, look),
    every(ACCURACY_EVERY_MS, judge),
  ]);
  await heard.close();
}

/** The first anonymous visitors with a few events: the same ones stay in view and move. */
function strangers(scene: DemoScene, count: number): string[] {
  const users: string[] = [];
  for (const [user, events] of scene.traffic.seen) {
    if (users.length >= count) break;
    if (events >= MIN_EVENTS && !scene.shop.isMember(user)) users.push(user);
  }
  return users;
}
