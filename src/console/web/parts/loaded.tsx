import type { ComponentChildren } from "preact";
import type { Loaded } from "../use-data.ts";
import { Failure, Loading } from "./states.tsx";

/** What is loaded, or that it is on its way, or why not. What was there before stays, with the failure above it. */
export function WhenLoaded<Value>({
  data,
  what,
  children,
}: {
  data: Loaded<Value>;
  what: string;
  children: (value: Value) => ComponentChildren;
}) {
  const { value, failure, reload } = data;
  if (value === undefined)
    return failure === undefined ? <Loading what={what} /> : <Failure error={failure} retry={reload} />;
  return (
    <>
      {failure === undefined ? null : (
        <p class="notice tone-bad" role="status">
          This is not up to date: {failure.message}
        </p>
      )}
      {children(value)}
    </>
  );
}
