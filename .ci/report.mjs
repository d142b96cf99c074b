// Reads what vitest has reported, of all tests and of those that were tried once more.
//   report.mjs again FILE            paths of test files that are worth a second try, a line each
//   report.mjs failures FILE AGAIN   what failed, and what failed only beside others
//   report.mjs counts FILE AGAIN     "N passed, N failed"
import { existsSync, readFileSync } from "node:fs";

const AGAIN_FILES_MAX = 6;
const [, , what, first, second] = process.argv;
const read = (path) => JSON.parse(readFileSync(path, "utf8")).testResults;
const isFailed = (file) => file.status === "failed";

const files = new Map(read(first).map((file) => [file.name, file]));
const failed = [...files.values()].filter(isFailed);
if (what === "again") {
  if (failed.length <= AGAIN_FILES_MAX) for (const { name } of failed) console.log(name);
} else {
  const again = second !== undefined && existsSync(second) ? read(second) : [];
  for (const file of again) files.set(file.name, file);
  if (what === "failures") {
    for (const file of failed)
      tell(
        files.get(file.name) === file || isFailed(files.get(file.name))
          ? "FAILED"
          : "FAILED BESIDE OTHERS ONLY",
        file,
      );
  } else console.log(countsOf([...files.values()]));
}

function tell(how, { name, assertionResults, message = "" }) {
  const path = name.split("/test/").pop();
  const tests = assertionResults.filter(({ status }) => status === "failed");
  if (tests.length === 0) console.log(`${how} ${path}\n  ${message.slice(0, 600)}`);
  for (const { fullName, failureMessages } of tests)
    console.log(`${how} ${path} > ${fullName}\n  ${(failureMessages[0] ?? "").slice(0, 600)}`);
}

function countsOf(all) {
  const tests = all.flatMap(({ assertionResults }) => assertionResults);
  const count = (status) => tests.filter((test) => test.status === status).length;
  // A file that cannot be loaded has no tests to count: it counts as one that failed.
  const unloaded = all.filter(
    (file) => isFailed(file) && !file.assertionResults.some(({ status }) => status === "failed"),
  ).length;
  const skipped = tests.length - count("passed") - count("failed");
  return `${count("passed")} passed, ${count("failed") + unloaded} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
