/** A share as a bar, with a mark where a threshold lies. The number stands beside it: the bar is for the eye alone. */
export function ShareBar({
  share,
  colour,
  marks = [],
}: {
  share: number;
  colour: string;
  marks?: readonly number[];
}) {
  return (
    <span class="share-bar" aria-hidden="true">
      <span class="share-bar-fill" style={{ width: `${100 * share}%`, background: `var(${colour})` }} />
      {marks.map((mark) => (
        <span key={mark} class="share-bar-mark" style={{ left: `${100 * mark}%` }} />
      ))}
    </span>
  );
}

/** A value as a bar to the left or to the right of a middle line. */
export function SignedBar({ value, most }: { value: number; most: number }) {
  const half = most <= 0 ? 0 : Math.min(50, (50 * Math.abs(value)) / most);
  const side = value < 0 ? { right: "50%" } : { left: "50%" };
  return (
    <span class="signed-bar" aria-hidden="true">
      <span
        class={value < 0 ? "signed-bar-fill is-down" : "signed-bar-fill is-up"}
        style={{ ...side, width: `${half}%` }}
      />
    </span>
  );
}
