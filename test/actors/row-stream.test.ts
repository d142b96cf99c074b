import { expect, test } from "vitest";
import type { Append } from "../../src/actors/log.ts";
import { RowStream } from "../../src/actors/row-stream.ts";
import { decode } from "../../src/kernel/msgpack.ts";

function aWorld() {
  const appended: Append[] = [];
  const state = { isAway: false };
  let wake = (): void => {};
  const ports = {
    log: {
      async append(_: string, messages: readonly Append[]) {
        if (state.isAway) throw new Error("away");
        appended.push(...messages);
        return messages.map(() => 1);
      },
    },
    sleep: () => new Promise<void>((resolve) => (wake = resolve)),
    newId: () => "writer",
  };
  const stream = new RowStream<number>(ports, "rows");
  const pass = async (): Promise<void> => {
    wake();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const rows = () => appended.map(({ data }) => decode(data) as number[]);
  return { appended, rows, pass, state, stream };
}

test("rows that come within a while share messages, each under an id of its own", async () => {
  const { appended, rows, pass, stream } = aWorld();
  for (let row = 0; row < 1_001; row++) stream.add(row);
  await pass();
  stream.add(7);
  await pass();
  expect(rows().map(({ length }) => length)).toEqual([1_000, 1, 1]);
  expect(rows().flat()).toEqual([...Array.from({ length: 1_001 }, (_, row) => row), 7]);
  expect(new Set(appended.map(({ id }) => id)).size).toBe(3);
});

test("what the stream does not take is lost and counted, and what follows is not held up", async () => {
  const { rows, pass, state, stream } = aWorld();
  state.isAway = true;
  for (let row = 0; row < 50_010; row++) stream.add(row);
  expect(stream.lost).toBe(10); // There is no room for more.
  await pass();
  expect(stream.lost).toBe(50_010);
  state.isAway = false;
  stream.add(1);
  await pass();
  expect(rows()).toEqual([[1]]);
});

test("what waits is written at the end", async () => {
  const { rows, stream } = aWorld();
  stream.add(3);
  await stream.close();
  expect(rows()).toEqual([[3]]);
});
