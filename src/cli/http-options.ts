import { isIP } from "node:net";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { badFiles, type TlsFiles } from "../adapters/tls-files.ts";
import type { Rate } from "../gateway/rate-limiter.ts";
import {
  type AdminOptions,
  DEFAULT_NODE_OPTIONS,
  type HttpOptions,
  type NodeOptions,
} from "../node-options.ts";
import { wholeNumber } from "./client-options.ts";

/** Where a node looks for the keys of its HTTP intake, in its data folder. */
export const HTTP_KEYS_FILE = "http-keys.json";
/** What a rate without a burst may send at once: two seconds' worth. */
const BURST_SECONDS = 2;
const HOST = "127.0.0.1";
const PORT = 8_080;
/** Where the console is, unless it is said. */
export const ADMIN_PORT = 8_090;

/** Options of what comes in, and how much of it. */
export type IntakeCommandOptions = Readonly<{
  http?: Pick<HttpOptions, "host" | "port"> | true;
  admin?: Pick<AdminOptions, "host" | "port"> | true;
  httpKeys?: string;
  httpTlsCert?: string;
  httpTlsKey?: string;
  adminTlsCert?: string;
  adminTlsKey?: string;
  trustProxy?: string;
  consentCategories?: Readonly<Record<string, string>>;
  drain: number;
  rateGateway?: Rate;
  rateProducer?: Rate;
  rateUser?: Rate;
  lagMax: number;
}>;

/** Adds them to a command that starts a node. */
export function withIntakeOptions(command: Command): Command {
  return command
    .option(
      "--http [host:port]",
      `also take requests over HTTP (default address: ${HOST}:${PORT})`,
      addressOf,
    )
    .option(
      "--admin [host:port]",
      `also serve the console, for those who operate (default address: ${HOST}:${ADMIN_PORT})`,
      addressOf,
    )
    .addOption(
      new Option(
        "--http-keys <file>",
        `keys of the HTTP intake and the console (default: ${HTTP_KEYS_FILE} in the data folder)`,
      )
        // RESONANCE_HTTP_KEYS holds keys themselves.
        .env("RESONANCE_HTTP_KEYS_FILE"),
    )
    .option(
      "--http-tls-cert <file>",
      "the certificate of --http as PEM, with those between it and its authority: it then speaks HTTPS",
    )
    .option("--http-tls-key <file>", "the key of that certificate, as PEM")
    .option("--admin-tls-cert <file>", "the certificate of --admin: it then speaks HTTPS")
    .option("--admin-tls-key <file>", "the key of that certificate, as PEM")
    .option(
      "--trust-proxy <networks>",
      "proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8",
      networksOf,
    )
    .option(
      "--consent-categories <map>",
      "purposes by the consent categories that Segment's clients send, such as Advertising=personalisation,Functional=text",
      categoriesOf,
    )
    .option(
      "--drain <s>",
      "seconds that a node that stops goes on as before over HTTP, while /readyz tells load balancers to leave it",
      wholeNumber(0),
      DEFAULT_NODE_OPTIONS.drainMs / 1_000,
    )
    .option(
      "--rate-gateway <n[/burst]>",
      "events a second that this gateway takes (default: no limit)",
      rateOf,
    )
    .option(
      "--rate-producer <n[/burst]>",
      "events a second that each producer may send, and all together who tell no name (default: no limit)",
      rateOf,
    )
    .option(
      "--rate-user <n[/burst]>",
      "events a second that are taken of each user (default: no limit)",
      rateOf,
    )
    .option(
      "--lag-max <n>",
      "log messages that a shard may be behind before its events are refused; 0 for no bound",
      wholeNumber(0),
      DEFAULT_NODE_OPTIONS.lagMax,
    );
}

/** What they say of a node. @throws EngineError `BAD_TLS_FILES` for one file of two. */
export function intakeOf(
  options: IntakeCommandOptions & Readonly<{ data: string }>,
): Pick<NodeOptions, "admin" | "http" | "drainMs" | "rates" | "lagMax"> {
  const { admin, http, httpKeys, trustProxy, consentCategories, drain } = options;
  const { rateGateway, rateProducer, rateUser, lagMax } = options;
  const address = http === true ? { host: HOST, port: PORT } : http;
  const adminAddress = admin === true ? { host: HOST, port: ADMIN_PORT } : admin;
  const httpTls = tlsFilesOf("http", options.httpTlsCert, options.httpTlsKey);
  const adminTls = tlsFilesOf("admin", options.adminTlsCert, options.adminTlsKey);
  const keysFile = httpKeys ?? join(options.data, HTTP_KEYS_FILE);
  return {
    drainMs: drain * 1_000,
    lagMax: lagMax === 0 ? Number.POSITIVE_INFINITY : lagMax,
    rates: {
      ...(rateGateway && { gateway: rateGateway }),
      ...(rateProducer && { producer: rateProducer }),
      ...(rateUser && { user: rateUser }),
    },
    ...(adminAddress && { admin: { ...adminAddress, keysFile, ...adminTls } }),
    ...(address && {
      http: {
        ...address,
        keysFile,
        ...httpTls,
        ...(trustProxy === undefined ? {} : { trustProxy }),
        ...(consentCategories === undefined ? {} : { consentCategories }),
      },
    }),
  };
}

function tlsFilesOf(
  listener: "http" | "admin",
  certFile: string | undefined,
  keyFile: string | undefined,
): Readonly<{ tls?: TlsFiles }> {
  if (certFile === undefined && keyFile === undefined) return {};
  if (certFile === undefined || keyFile === undefined)
    throw badFiles(`TLS takes both: --${listener}-tls-cert and --${listener}-tls-key`);
  return { tls: { certFile, keyFile } };
}

/** `100/500`: so many a second, and so many at once. */
export function rateOf(text: string): Rate {
  const [, perSecond, burst] = /^(\d+(?:\.\d+)?)(?:\/(\d+))?$/.exec(text) ?? [];
  const rate = Number(perSecond);
  const most = burst === undefined ? Math.max(1, Math.ceil(rate * BURST_SECONDS)) : Number(burst);
  if (rate > 0 && most > 0) return { perSecond: rate, burst: most };
  throw new InvalidArgumentError("a rate such as 100, or 100/500 with the most at once, please");
}

/** As {@link rateOf} reads it. */
export function rateText({ perSecond, burst }: Rate): string {
  return `${perSecond}/${burst}`;
}

/** `Advertising=personalisation,C0002=analytics`: purposes by category, whose names are compared in lower case. */
export function categoriesOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").map((pair) => /^\s*([^=,]{1,64})=([A-Za-z0-9_-]{1,64})\s*$/.exec(pair));
  if (pairs.every((pair) => pair !== null))
    return Object.fromEntries(
      pairs.map(([, category = "", purpose = ""]) => [category.toLowerCase(), purpose]),
    );
  throw new InvalidArgumentError(
    "categories with their purposes, such as Advertising=personalisation, please",
  );
}

function networksOf(text: string): string {
  const isNetwork = (one: string): boolean => {
    const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(one.trim()) ?? [];
    const family = isIP(address);
    return family !== 0 && Number(bits ?? 0) <= (family === 4 ? 32 : 128);
  };
  if (text.split(",").every(isNetwork)) return text;
  throw new InvalidArgumentError("addresses or networks with commas between, such as 10.0.0.0/8,::1, please");
}

function addressOf(text: string): Pick<HttpOptions, "host" | "port"> {
  const [, host = HOST, port] = /^(?:(\[[0-9A-Fa-f:]+\]|[^:\s]+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && Number(port) <= 65_535)
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  throw new InvalidArgumentError("an address such as 8080 or 0.0.0.0:8080, please");
}
