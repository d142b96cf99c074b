import { connection } from "../api.ts";
import { session } from "../session.ts";

const WORDS = {
  connecting: "connecting",
  connected: "connected",
  away: "no connection, trying again",
} as const;

/** Whether the node answers, and which one it is. */
export function ConnectionBadge() {
  const state = connection.value;
  const { node } = session.value;
  return (
    <span class={`badge connection-${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {WORDS[state]}
      {state === "connected" && node !== undefined ? <span class="badge-detail">to {node}</span> : null}
    </span>
  );
}
