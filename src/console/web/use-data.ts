import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiError, get } from "./api.ts";

/** What a view has of its data. */
export type Loaded<Value> = Readonly<{
  /** The newest; undefined before the first. It stays while it is asked for again. */
  value: Value | undefined;
  /** Why the last try failed; undefined if it did not. */
  failure: ApiError | undefined;
  reload(): void;
}>;

/**
 * Data of the node, asked for again every so often while the page is looked at.
 *
 * @param path - As {@link get} takes it; undefined: nothing to ask for yet.
 */
export function useData<Value>(path: string | undefined, everyMs?: number): Loaded<Value> {
  const [state, setState] = useState<{ path?: string | undefined; value?: Value; failure?: ApiError }>({});
  const [tries, setTries] = useState(0);
  const reload = useCallback(() => setTries((before) => before + 1), []);
  useEffect(() => {
    if (path === undefined) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        const value = document.hidden ? undefined : await get<Value>(path, ending.signal);
        if (value !== undefined) setState({ path, value });
      } catch (thrown) {
        if (ending.signal.aborted) return;
        if (!(thrown instanceof ApiError)) throw thrown;
        setState((before) =>
          before.path === path ? { ...before, failure: thrown } : { path, failure: thrown },
        );
      }
      if (everyMs !== undefined && !ending.signal.aborted) timer = setTimeout(load, everyMs);
    };
    void load();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, tries]);
  const isOfPath = state.path === path; // What was loaded for another path is not this one's.
  return {
    value: isOfPath ? state.value : undefined,
    failure: isOfPath ? state.failure : undefined,
    reload,
  };
}
