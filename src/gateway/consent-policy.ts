import { raisePointer, readCurrent } from "../actors/raise-pointer.ts";
import { takeVersion } from "../actors/take-version.ts";
import { Turns } from "../actors/turns.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { ConsentRules, DEFAULT_RULES } from "../privacy/consent/consent-rules.ts";
import { parsePolicy } from "../privacy/consent/parse-policy.ts";
import { DEFAULT_POLICY, type PolicyRegion, type PrivacyPolicy } from "../privacy/consent/policy.ts";
import { PermanentCells } from "../privacy/location/permanent-cells.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { tellShards } from "./tell-shards.ts";

type PolicyPorts = Pick<GatewayPorts, "cellKey" | "log" | "releases" | "subjects">;

/** What a policy is before it has a version. */
export type GivenPolicy = Omit<PrivacyPolicy, "version">;

/** What events are judged by before anything of them is stored. */
export type ConsentInForce = Readonly<{
  rules: ConsentRules;
  /** Undefined where locations are stored as they are. */
  cells: PermanentCells | undefined;
}>;

const PRIVACY = "privacy";

/** Before any policy is put. */
export const DEFAULT_CONSENT: ConsentInForce = { rules: DEFAULT_RULES, cells: undefined };

/** The policy of consent in force. */
export class ConsentPolicy {
  readonly #ports: PolicyPorts;
  readonly #options: Pick<GatewayOptions, "shards">;
  #inForce = DEFAULT_CONSENT;
  readonly #puts = new Turns();

  constructor(ports: PolicyPorts, options: Pick<GatewayOptions, "shards">) {
    this.#ports = ports;
    this.#options = options;
  }

  get inForce(): ConsentInForce {
    return this.#inForce;
  }

  /** Reads the policy again: it may have been put through another gateway. */
  async refresh(): Promise<void> {
    this.#take(await readPolicyInForce(this.#ports));
  }

  /**
   * Gives a policy the next version and tells every shard's log, from where it is in force. One that is unchanged keeps its
   * version; it is announced again, since a crash may have come before that.
   */
  put(given: GivenPolicy): Promise<PrivacyPolicy> {
    return this.#puts.take(async () => {
      const newest = await readPolicyInForce(this.#ports);
      const next = await takeVersion(this.#ports.releases, PRIVACY, newest, (held) =>
        JSON.stringify({ ...held, version: 0 }) === JSON.stringify({ version: 0, ...given })
          ? undefined
          : { version: held.version + 1, ...given },
      );
      this.#take(next); // Here at once: what the shards refuse a moment later need not be stored.
      if (next.version === 0) return next;
      await raisePointer(this.#ports.releases, PRIVACY, next.version);
      const { version } = next;
      await tellShards(this.#ports, this.#options, `privacy:${version}`, {
        kind: "policy-activated",
        version,
      });
      return next;
    });
  }

  #take(policy: PrivacyPolicy): void {
    if (policy.version <= this.#inForce.rules.policy.version) return; // A slow read must not undo a newer put.
    const { location } = policy;
    const cells = location === undefined ? undefined : new PermanentCells(location, this.#ports.cellKey);
    this.#inForce = { rules: new ConsentRules(policy), cells };
  }
}

async function readPolicyInForce({ releases }: Pick<PolicyPorts, "releases">): Promise<PrivacyPolicy> {
  return (await readCurrent<PrivacyPolicy>(releases, PRIVACY)) ?? DEFAULT_POLICY;
}

/** The policy in the body of `privacy.put`. @throws EngineError `BAD_POLICY`. */
export function givenPolicy(body: unknown): GivenPolicy {
  const parsed = parsePolicy(body);
  if (parsed.kind === "refused") throw refused(parsed);
  return parsed.policy;
}

/** The reply of `privacy.get`: the policy in the words that `privacy.put` takes. */
export type PolicyReply = Omit<PrivacyPolicy, "regions"> &
  Readonly<{ regions: Readonly<Record<string, Omit<PolicyRegion, "name">>> }>;

/** `privacy.get`. */
export function getPolicy({ rules }: ConsentInForce, body: unknown): PolicyReply {
  fieldsOf(body, []);
  const { regions, ...rest } = rules.policy;
  return { ...rest, regions: Object.fromEntries(regions.map(({ name, ...region }) => [name, region])) };
}
