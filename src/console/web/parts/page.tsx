import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** The frame of a view: its heading takes the focus when somebody comes to it, so that a screen reader reads on from there. */
export function Page({
  title,
  intro,
  actions,
  children,
}: {
  title: string;
  /** A sentence or two on what is seen here. */
  intro?: ComponentChildren;
  /** Controls beside the heading. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Resonance`;
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <article class="page">
      <div class="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {intro === undefined ? null : <p class="intro">{intro}</p>}
        </div>
        {actions === undefined ? null : <div class="page-actions">{actions}</div>}
      </div>
      {children}
    </article>
  );
}
