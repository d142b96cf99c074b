import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { findHelm } from "./find-helm.ts";

const run = promisify(execFile);
const CHART = join(import.meta.dirname, "../../deploy/helm/resonance");
const NODE = join(import.meta.dirname, "../../src/cli/main.ts");
const helm = await findHelm();
const path = "path" in helm ? helm.path : "";
const EVERYTHING = [
  ...[
    "--set",
    "http.tlsSecret=http-tls",
    "--set",
    "admin.tlsSecret=admin-tls",
    "--set",
    "autoscaling.enabled=true",
    "--set",
    "http.enabled=true",
    "--set",
    "http.existingSecret=keys",
  ],
  ...["--set", "nats.existingSecret=node", "--set", "persistence.storageClass=fast"],
  ...[
    "--set",
    "image.pullSecrets[0].name=registry",
    "--set",
    "tolerations[0].key=a",
    "--set",
    "nodeSelector.disk=ssd",
  ],
  ...["--set", "networkPolicy.natsTo[0].namespaceSelector.matchLabels.name=nats"],
];
const LEAST = [
  ...["--set", "persistence.enabled=false", "--set", "networkPolicy.enabled=false"],
  ...["--set", "serviceAccount.name=mine", "--set", "affinity.nodeAffinity.a=b"],
];

type Manifest = Readonly<{ apiVersion: string; kind: string; metadata: { name: string } }> &
  Readonly<Record<string, unknown>>;

describe.skipIf("missing" in helm)(`the chart${"missing" in helm ? `: ${helm.missing}` : ""}`, () => {
  test("helm finds nothing to say against it", async () => {
    const { stdout } = await run(path, ["lint", CHART, "--strict"]);
    expect(stdout).toContain("0 chart(s) failed");
  });

  test.each([
    ["as it is", []],
    ["with everything", EVERYTHING],
    ["with the least", LEAST],
  ])("%s, each manifest is what Kubernetes takes", async (_, values) => {
    for (const manifest of await rendered(values)) await validate(manifest);
  });

  test("a field that Kubernetes does not know would be found", async () => {
    const [set] = (await rendered([])).filter(({ kind }) => kind === "StatefulSet");
    const broken = structuredClone(set) as Manifest & { spec: { replicas: unknown } };
    broken.spec.replicas = "three";
    await expect(validate(broken)).rejects.toThrow("replicas");
  });

  test("it has a budget of disruptions, probes of both kinds, and a scaler by lag if wanted", async () => {
    const kinds = (await rendered(EVERYTHING)).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual([
      ...[
        "ConfigMap",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "Service",
      ],
      ...["ServiceAccount", "StatefulSet"],
    ]);
    const text = JSON.stringify(await rendered(EVERYTHING));
    for (const word of ["/readyz", "/healthz", "resonance_shard_lag_messages", '"runAsNonRoot":true'])
      expect(text).toContain(word);
  });

  test("its probes speak what the listener speaks", async () => {
    const schemesWith = async (values: readonly string[]): Promise<readonly string[]> =>
      [...JSON.stringify(await rendered(values)).matchAll(/"scheme":"(\w+)"/g)].map(([, scheme]) => scheme!);
    expect(await schemesWith([])).toEqual(["HTTP", "HTTP", "HTTP"]);
    expect(await schemesWith(["--set", "admin.tlsSecret=tls"])).toEqual(["HTTPS", "HTTPS", "HTTPS"]);
  });

  test("the options of its nodes are taken, as a file and as variables", async () => {
    const manifests = await rendered(EVERYTHING);
    const map = manifests.find(({ kind }) => kind === "ConfigMap") as unknown as {
      data: Record<string, string>;
    };
    const set = manifests.find(({ kind }) => kind === "StatefulSet") as unknown as {
      spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
    };
    const env = set.spec.template.spec.containers[0]?.env ?? [];
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value ?? "pod-0"]));
    const print = [NODE, "config", "print", "--json"];
    const { stdout } = await run(process.execPath, print, { env: { ...process.env, ...variables } });
    const { options } = JSON.parse(stdout) as { options: { name: string; origin: string; place?: string }[] };
    const known = options.flatMap(({ place }) => place ?? []);
    expect(known.sort()).toEqual(Object.keys(variables).sort());
    const names = options.map(({ name }) => name);
    for (const name of Object.keys(parse(map.data["resonance.yaml"] ?? "") as object))
      expect(names).toContain(name);
  });

  test("values that make no deployment are refused", async () => {
    for (const wrong of [
      "replicas=0",
      "http.enabled=true",
      "config.data=/x",
      "nats.url=nats://a:b@c",
      "shards=4",
    ])
      await expect(rendered(["--set", wrong]), wrong).rejects.toThrow(/schema/);
  });
});

test("the chart is of this version of the package", async () => {
  const chart = parse(await readFile(join(CHART, "Chart.yaml"), "utf8")) as { appVersion: string };
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8"));
  expect(chart.appVersion).toBe(version);
});

async function rendered(values: readonly string[]): Promise<Manifest[]> {
  const { stdout } = await run(path, ["template", "release", CHART, ...values]);
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

/** @throws What the JSON schema of the manifest's kind finds. */
async function validate(manifest: Manifest): Promise<void> {
  const module = manifest.apiVersion === "v1" ? "v1" : manifest.apiVersion;
  const models = (await import(`kubernetes-models/${module}`)) as Record<
    string,
    new (
      given: Manifest,
    ) => { validate(): void }
  >;
  const Model = models[manifest.kind];
  if (Model === undefined) throw new Error(`Kubernetes has no ${manifest.kind} in ${manifest.apiVersion}`);
  new Model(manifest).validate();
}
