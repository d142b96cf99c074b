import { expect, test } from "vitest";
import { packageOf, redisServerBinary } from "../../../bench/peer/redis-server-find.ts";

test.for([
  ["libjemalloc.so.2", "libjemalloc2"],
  ["liblzf.so.1", "liblzf1"],
  ["libssl.so.3", "libssl3"],
  ["liblua5.1.so.0", "liblua5.1-0"],
])("the library %s is in Debian's package %s", ([library, name]) => {
  expect(packageOf(library ?? "")).toBe(name);
});

test("where there is none and none can be fetched, each way is told with its reason", async () => {
  const env = { PATH: "/nonexistent", XDG_CACHE_HOME: "/dev/null/no-folder" };
  const asked = redisServerBinary({ env, report: () => undefined });
  await expect(asked).rejects.toMatchObject({ code: "REDIS_SERVER_UNAVAILABLE" });
  await expect(asked).rejects.toThrow(
    /PATH: no usable redis-server.*cache: nothing usable.*Debian packages: /,
  );
});
