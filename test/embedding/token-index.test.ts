import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenIndex } from "../../src/embedding/token-index.ts";

const someTokens = fc.uniqueArray(fc.integer({ min: 1, max: 0xffffffff }), { maxLength: 300 });

test("every token is found at its row, and no other token is found", () => {
  const holds = (tokens: number[], others: number[]) => {
    const index = new TokenIndex(Uint32Array.from(tokens));
    for (const [row, token] of tokens.entries()) expect(index.rowOf(token)).toBe(row);
    for (const other of others) if (!tokens.includes(other)) expect(index.rowOf(other)).toBe(-1);
  };
  fc.assert(fc.property(someTokens, someTokens, holds));
});

test("tokens that fall on the same place are told apart", () => {
  const tokens = Uint32Array.of(0x10000, 0x20000, 0x30000, 0x40000);
  const index = new TokenIndex(tokens);
  expect(Array.from(tokens, (token) => index.rowOf(token))).toEqual([0, 1, 2, 3]);
  expect(index.rowOf(0x50000)).toBe(-1);
});
