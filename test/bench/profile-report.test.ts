import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { profileLines, readProfiles } from "../../bench/harness/profile-report.ts";

const frame = (functionName: string, url = "file:///app/src/fold.ts") => ({
  functionName,
  url,
  lineNumber: 9,
});

test("self time is summed by function and thread, and waiting is not work", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-profile-"));
  try {
    const profile = {
      nodes: [
        { id: 1, callFrame: frame("fold") },
        { id: 2, callFrame: frame("(idle)", "") },
        { id: 3, callFrame: frame("fold") },
        { id: 4, callFrame: frame("embed") },
      ],
      samples: [1, 2, 3, 4],
      timeDeltas: [200_000, 500_000, 100_000, 100_000],
    };
    const earlier = { ...profile, samples: [4, 4, 4, 4] };
    await writeFile(join(folder, "CPU.20260101.115900.4711.2.000.cpuprofile"), JSON.stringify(earlier));
    await writeFile(join(folder, "CPU.20260101.120000.4712.2.000.cpuprofile"), JSON.stringify(profile));
    const [thread, ...others] = await readProfiles(folder);
    expect(others).toEqual([]); // The earlier process is another round.
    expect(thread).toMatchObject({ thread: 2, busyMs: 400, idleMs: 500 });
    expect(thread?.top.map(({ name, selfMs }) => [name, selfMs])).toEqual([
      ["fold", 300],
      ["embed", 100],
    ]);
    expect(profileLines("drain", [thread!])[1]).toMatch(/75\.0 % +300 ms +fold +src\/fold\.ts:10/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
