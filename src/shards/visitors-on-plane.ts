import type { LatelyReply, LatelyRequest } from "../resonance/lately-answer.ts";
import { placeOn } from "../resonance/segment-plane.ts";
import { strongest } from "../resonance/strongest.ts";
import type { ScoreAnswers } from "./score-answers.ts";
import type { ShardState } from "./shard-state.ts";

/** In place of a segment: none is as likely as that they are of none. */
const NO_SEGMENT = -1;

/**
 * Where those who have been active lately are on a plane, and which segment they resonate with the most. Programs, those who may
 * not be personalised for, and those who have done nothing yet are left out.
 *
 * @param now - `nowMs` of the wall clock, `monotonicMs` of the clock that {@link LatelyActive} is noted by.
 * @throws EngineError `UNKNOWN_MAP`.
 */
export function visitorsOnPlane(
  state: ShardState,
  answers: ScoreAnswers,
  { map, since, limit, plane }: LatelyRequest,
  now: Readonly<{ nowMs: number; monotonicMs: number }>,
): Omit<LatelyReply, "epoch"> {
  const active = state.lately.since(since, limit, now.monotonicMs);
  const users: string[] = [];
  const hidden: string[] = [];
  const columns = { x: [] as number[], y: [] as number[], segment: [] as number[] };
  const told = { probability: [] as number[], atMs: [] as number[] };
  const axes = { dim: plane.dim, center: floatsOf(plane.center), axes: floatsOf(plane.axes) };
  const place = new Float32Array(2);
  const isSame = plane.encoder === state.encoder.version && plane.dim === state.encoder.dim;
  for (const [user, seenMs] of isSame ? active : [])
    answers.withScores(
      user,
      map,
      now.nowMs,
      undefined,
      ({ context, known, scorer, probabilities: scores }) => {
        if (!known || context.events === 0 || context.pace.isBot || scorer === undefined) {
          hidden.push(user);
          return;
        }
        const [first = 0] = strongest(scores, scorer.segments.length, 1);
        const none = scores[scorer.segments.length] ?? 0;
        const isNone = scorer.mode === "exclusive" && none > (scores[first] ?? 0);
        placeOn(axes, state.scratch.embedding, place, 0);
        users.push(user);
        columns.x.push(place[0] ?? 0);
        columns.y.push(place[1] ?? 0);
        columns.segment.push(isNone ? NO_SEGMENT : first);
        told.probability.push(isNone ? none : (scores[first] ?? 0));
        told.atMs.push(seenMs);
      },
    );
  return {
    // On another encoder's plane nobody has a place: they are told once there is one of this encoder.
    turn: isSame ? state.lately.turn : since,
    erasures: state.lately.erasures,
    events: state.counters.events,
    users,
    ...columns,
    ...told,
    hidden,
  };
}

/** Float32 in memory of its own: as bytes of a message they may lie at any place. */
function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
