import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of a view, with its heading. */
export function Panel({
  title,
  hint,
  actions,
  children,
}: {
  title: ComponentChildren;
  hint?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {hint === undefined ? null : <p class="hint">{hint}</p>}
      {children}
    </section>
  );
}

/** A table that scrolls by itself where it is too wide; it can be reached by the keyboard for that. */
export function TableRoom({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: it groups no fields, and a section would be one landmark of too many.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (axe: scrollable-region-focusable).
    <div class="table-scroll" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

/** The numbers behind a chart, for whoever does not see it or wants them. */
export function Numbers({ what, children }: { what: string; children: ComponentChildren }) {
  return (
    <details class="numbers">
      <summary>{what} as a table</summary>
      <TableRoom label={`${what} as a table`}>{children}</TableRoom>
    </details>
  );
}
