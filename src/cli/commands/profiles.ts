import type { Command } from "commander";
import type { ProfilesReply } from "../../gateway/describe-profiles.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatCount, formatSpan } from "../view/format-number.ts";
import { drawQuality } from "../view/profile-plots.ts";
import { renderTable } from "../view/table.ts";

/** `resonance profiles`: what is published of each map. */
export function addProfilesCommand(program: Command): void {
  withClientOptions(program.command("profiles"))
    .description("tell the published profiles: members, age, overlap")
    .option("--map <name>", "one map of segments (default: all)")
    .option("--plot", "draw reliability, and precision and reach of each threshold", false)
    .option(
      "--segment <names>",
      "segments to draw, with commas between (default: those with most members)",
      names,
    )
    .action(
      runs(async (options: ProfilesOptions) => {
        const client = await connectClient(options, "resonance profiles");
        try {
          const request = {
            ...(options.map === undefined ? {} : { map: options.map }),
            ...(options.plot ? { curve: true } : {}),
          };
          const reply = (await client.ask("profiles", request)) as { maps: readonly ProfilesReply[] };
          print(options.json, reply, () =>
            reply.maps.flatMap((map) => [
              ...draw(map),
              ...(options.plot ? ["", ...drawQuality(map, columnsNow(), options.segment)] : []),
            ]),
          );
        } finally {
          await client.close();
        }
      }),
    );
}

type ProfilesOptions = ClientOptions &
  Readonly<{ json: boolean; map?: string; plot: boolean; segment?: readonly string[] }>;

function names(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim());
}

function columnsNow(): number {
  return process.stdout.columns ?? 100;
}

function draw(map: ProfilesReply): string[] {
  if (map.version === 0) return [`${map.map}: nothing published yet`];
  const nearest = (segment: string): string => {
    const pair = map.overlap.find(({ a, b }) => a === segment || b === segment);
    return pair === undefined ? "" : `${pair.a === segment ? pair.b : pair.a} ${pair.similarity.toFixed(2)}`;
  };
  const rows = map.segments.map(({ segment, members, threshold, off }) => [
    segment,
    formatCount(members),
    threshold === null ? `off: ${off}` : threshold.enter.toFixed(2),
    nearest(segment),
  ]);
  const age = map.ageMs === null ? "" : ` · newest sample ${formatSpan(map.ageMs)} ago`;
  return [
    `${map.map} v${map.version} (${map.mode}) · encoder ${map.encoder?.slice(0, 12) ?? "-"}${age}`,
    ...renderTable(
      [
        { title: "segment" },
        { title: "members", align: "right" },
        { title: "resonates from" },
        { title: "most like" },
      ],
      rows,
      columnsNow(),
    ),
    `background: ${formatCount(map.background)} · calibrated on ${formatCount(map.calibration?.members ?? 0)} held-out members`,
    ...contextOf(map),
    ...privacyOf(map),
  ];
}

/** What the context of a first visit tells, if it does. */
function contextOf({ calibration }: ProfilesReply): string[] {
  const context = calibration?.context;
  if (context === undefined) return [];
  const { levels, weights, gain } = context;
  const fields = levels.map(({ field }) => field).join(", ");
  const nats = (gain.without - gain.logLoss).toFixed(3);
  const counts = weights.map((weight) => weight.toFixed(2)).join(" ");
  return [
    `first visits: ${fields} tell ${nats} nats before any event (${formatCount(gain.members)} members) · counts ${counts} by length of history`,
  ];
}

/** What a private map promises; its counts are noisy. */
function privacyOf({ privacy }: ProfilesReply): string[] {
  if (privacy === undefined || privacy === null) return [];
  const { epsilon, delta, window, buckets } = privacy;
  return [
    `private: epsilon ${epsilon} and delta ${delta} a user and window, ${window.epsilon.toFixed(3)} spent; members are noisy counts over ${buckets} buckets`,
  ];
}
