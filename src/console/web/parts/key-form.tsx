import { useState } from "preact/hooks";
import { signIn } from "../session.ts";

/** Where a person gives a key. */
export function KeyForm({ done }: { done?: () => void }) {
  const [problem, setProblem] = useState<string>();
  const [isTrying, setIsTrying] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get("key");
    if (typeof key !== "string" || key.trim() === "") return setProblem("Paste a key first.");
    setIsTrying(true);
    const refused = await signIn(key.trim());
    setIsTrying(false);
    setProblem(refused);
    if (refused === undefined) done?.();
  };
  return (
    <form class="key-form" onSubmit={submit}>
      <label class="field">
        <span>Key</span>
        <input
          class="input"
          name="key"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="rsn_o_…"
          aria-invalid={problem !== undefined}
          aria-describedby="key-help key-problem"
        />
      </label>
      <p id="key-help" class="hint">
        <code>resonance auth key new --role operator --name YOU</code> makes one. It stays in this tab and is
        forgotten when the tab is closed.
      </p>
      <p id="key-problem" class="problem" role="alert">
        {problem}
      </p>
      <button type="submit" class="button button-main" disabled={isTrying}>
        {isTrying ? "Trying…" : "Use this key"}
      </button>
    </form>
  );
}
