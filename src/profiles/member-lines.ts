import type { MemberRecord } from "./member-record.ts";
import { GRID } from "./sample.ts";

/** A line of an export about what somebody contributes. */
export type MemberLine =
  | Readonly<{
      kind: "contribution";
      encoder: string;
      segments: Readonly<Record<string, string>>;
      /** The bucket, epoch ms. */
      fromMs: number;
      untilMs: number;
      embedding: readonly number[];
    }>
  | Readonly<{
      kind: "counted";
      encoder: string;
      /** Key of a private map that caps contributions. */
      map: string;
      /** Numbers of the buckets that count toward the cap. */
      buckets: readonly number[];
    }>;

/** What a member's record holds of them, in the words of an export. */
export function memberLines(encoder: string, { segments, series, accepted }: MemberRecord): MemberLine[] {
  const contributions = [...series].flatMap(([bucketMs, buckets]) =>
    [...buckets].map(([bucket, vector]) => ({
      ...{ kind: "contribution" as const, encoder, segments: Object.fromEntries(segments) },
      ...{ fromMs: bucket * bucketMs, untilMs: (bucket + 1) * bucketMs },
      embedding: [...vector].map((value) => value * GRID),
    })),
  );
  const counted = [...accepted].map(([map, buckets]) => ({
    kind: "counted" as const,
    encoder,
    map,
    buckets,
  }));
  return [...contributions, ...counted];
}
