import type { ComponentChildren } from "preact";
import type { ApiError } from "../api.ts";

/** There is nothing to show, and that is no failure: says why, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {children === undefined ? null : <div class="state-text">{children}</div>}
    </div>
  );
}

/** Something could not be loaded. */
export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="state state-failure" role="alert">
      <p class="state-title">That did not work</p>
      <div class="state-text">
        {error.message} <span class="code">{error.code}</span>
      </div>
      {retry === undefined ? null : (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** It is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <div class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      <p class="state-text">Loading {what}…</p>
    </div>
  );
}
