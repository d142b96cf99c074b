import { useRef } from "preact/hooks";
import { session, signOut } from "../session.ts";
import { KeyForm } from "./key-form.tsx";

/** What whoever looks may do, and the way to do more. */
export function RoleBadge() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { role, keyName } = session.value;
  if (role === "none") return null; // The page asks by itself.
  if (role === "operator")
    return (
      <span class="badge badge-operator">
        operator {keyName}
        <button type="button" class="link" onClick={() => void signOut()}>
          sign out
        </button>
      </span>
    );
  return (
    <>
      <button type="button" class="badge badge-button" onClick={() => dialog.current?.showModal()}>
        <span>read only</span>
        <span class="badge-action">sign in</span>
      </button>
      <dialog ref={dialog} class="dialog" aria-labelledby="sign-in-title">
        <h2 id="sign-in-title">Sign in as an operator</h2>
        <p>Looking needs no key here. Retrying, stopping and changing things do.</p>
        <KeyForm done={() => dialog.current?.close()} />
        <form method="dialog">
          <button type="submit" class="button">
            Cancel
          </button>
        </form>
      </dialog>
    </>
  );
}
