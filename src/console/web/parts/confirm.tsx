import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { mayAct } from "../session.ts";

/**
 * A button that acts once somebody has said yes. For whoever may not act it is there and says why it can't be used.
 *
 * @param act - What is done; what it returns is told. Failures are shown in the dialog.
 */
export function ConfirmButton({
  label,
  title,
  yes,
  tone,
  hindrance,
  act,
  children,
}: {
  label: ComponentChildren;
  title: string;
  /** On the button that does it. */
  yes: string;
  tone?: "danger";
  /** Why nobody may now, whoever it is; undefined if there is no reason. */
  hindrance?: string | undefined;
  act: () => Promise<void>;
  /** What will happen. */
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string>();
  const [isActing, setIsActing] = useState(false);
  const why = mayAct.value ? hindrance : "Sign in as an operator to do this";
  const doIt = async (): Promise<void> => {
    setIsActing(true);
    setProblem(undefined);
    try {
      await act();
      dialog.current?.close();
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      setProblem(`${thrown.message} (${thrown.code})`);
    } finally {
      setIsActing(false);
    }
  };
  return (
    <>
      <button
        type="button"
        class={tone === "danger" ? "button button-danger" : "button"}
        disabled={why !== undefined}
        title={why}
        onClick={() => {
          setProblem(undefined);
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      <dialog ref={dialog} class="dialog" aria-label={title}>
        <h2>{title}</h2>
        <div>{children}</div>
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="button"
            class={tone === "danger" ? "button button-danger" : "button button-main"}
            disabled={isActing}
            onClick={() => void doIt()}
          >
            {isActing ? "Working…" : yes}
          </button>
        </div>
      </dialog>
    </>
  );
}
