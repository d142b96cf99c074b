import { expect, test } from "vitest";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { type Strategy, startSupervisor } from "../../src/supervisor/supervisor.ts";
import { VirtualTime } from "../sim/virtual-time.ts";

/** Three children that note what befalls them. */
async function aFamily(strategy: Strategy, intensity = { restarts: 3, periodMs: 10_000 }) {
  const time = new VirtualTime();
  const told: string[] = [];
  const fail = new Map<string, (error?: Error) => void>();
  let refusals = 0;
  const child = (name: string) => ({
    name,
    async start() {
      if (refusals > 0 && time.monotonicMs() > 0) {
        refusals--;
        throw new EngineError({ code: "NO", message: "not yet", retryable: true });
      }
      told.push(`+${name}`);
      const done = Promise.withResolvers<void>();
      fail.set(name, (error) => (error === undefined ? done.resolve() : done.reject(error)));
      return {
        done: done.promise,
        async stop() {
          told.push(`-${name}`);
          done.resolve();
        },
      };
    },
  });
  const supervisor = await startSupervisor(
    ["a", "b", "c"].map(child),
    { strategy, intensity },
    {
      clock: time,
      random: () => 0.5,
      sleep: time.sleep,
      restarting: (name, { code }, afterMs) => told.push(`${name} ${code} ${afterMs}`),
    },
  );
  await time.pass(1);
  told.length = 0;
  return {
    time,
    told,
    supervisor,
    refuse: (times: number) => {
      refusals = times;
    },
    async lose(name: string, error?: Error) {
      fail.get(name)?.(error);
      await time.pass(6_000);
    },
  };
}

const broken = new EngineError({ code: "BROKEN", message: "it broke", retryable: false });

test("one for one: the child that ended is started again, alone", async () => {
  const { told, lose, supervisor } = await aFamily("one-for-one");
  await lose("b", broken);
  expect(told).toEqual(["b BROKEN 50", "+b"]);
  expect(supervisor.restarts()).toBe(1);
});

test("rest for one: those that were started after it, and rely on it, are started again too", async () => {
  const { told, lose } = await aFamily("rest-for-one");
  await lose("b", broken);
  expect(told).toEqual(["b BROKEN 50", "-c", "+b", "+c"]);
});

test("one for all: everybody is started again, in order", async () => {
  const { told, lose } = await aFamily("one-for-all");
  await lose("b", broken);
  expect(told).toEqual(["b BROKEN 50", "-c", "-a", "+a", "+b", "+c"]);
});

test("a child that ends without a failure was not asked to, and is started again", async () => {
  const { told, lose } = await aFamily("one-for-one");
  await lose("c");
  expect(told).toEqual(["c CHILD_ENDED 50", "+c"]);
});

test("a restart that fails is tried again, with longer waits", async () => {
  const { told, lose, refuse } = await aFamily("one-for-one");
  refuse(2);
  await lose("a", broken);
  expect(told).toEqual(["a BROKEN 50", "a NO 100", "a NO 200", "+a"]);
});

test("more restarts than the intensity allows end all children, and the parent is told of the last failure", async () => {
  const { told, lose, supervisor } = await aFamily("one-for-one", { restarts: 1, periodMs: 60_000 });
  await lose("a", broken);
  await lose("b", broken);
  expect(told).toEqual(["a BROKEN 50", "+a", "-c", "-a"]);
  await expect(supervisor.done).rejects.toMatchObject({ code: "BROKEN" });
});

test("a stop ends the children, the last one first, and restarts nobody", async () => {
  const { told, time, supervisor } = await aFamily("one-for-all");
  await supervisor.stop();
  await time.pass(1_000);
  expect(told).toEqual(["-c", "-b", "-a"]);
  await supervisor.done;
});
