import { useState } from "preact/hooks";
import type { ShownLetter } from "../../../gateway/dead-letters.ts";
import type { ListedLetter } from "../../letter-routes.ts";
import { ApiError, act, get } from "../api.ts";
import { ago, bytes, count, moment } from "../format.ts";
import { ConfirmButton } from "../parts/confirm.tsx";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Page } from "../parts/page.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { mayAct } from "../session.ts";
import { useData } from "../use-data.ts";
import "../views.css";

const EVERY_MS = 5_000;

/** Entries of the log that could not be folded: why, and what to do with them. */
export function DeadLettersPage() {
  const data = useData<{ letters: readonly ListedLetter[] }>("dead-letters", EVERY_MS);
  const [told, setTold] = useState("");
  const done = (what: string): void => {
    setTold(what);
    data.reload();
  };
  return (
    <Page
      title="Dead letters"
      intro="Entries that their shard could not fold. They were set aside so that the shard goes on; nothing of them counts."
    >
      <p class={told === "" ? "visually-hidden" : "notice tone-good"} role="status">
        {told}
      </p>
      <WhenLoaded data={data} what="dead letters">
        {({ letters }) =>
          letters.length === 0 ? (
            <Empty title="There are none">Every entry of every log could be folded, or was seen to.</Empty>
          ) : (
            <Letters letters={letters} done={done} />
          )
        }
      </WhenLoaded>
    </Page>
  );
}

function Letters({ letters, done }: { letters: readonly ListedLetter[]; done: (what: string) => void }) {
  const [shown, setShown] = useState<number>();
  return (
    <Panel
      title={`${count(letters.length)} set aside, the oldest first`}
      hint={
        mayAct.value
          ? "Try one again once its cause is gone. An entry that counted after all is recognised, so that trying again does no harm."
          : "Sign in as an operator to see an entry, to try it again or to drop it."
      }
    >
      <TableRoom label="Dead letters">
        <table class="table">
          <thead>
            <tr>
              <th scope="col" class="number">
                id
              </th>
              <th scope="col">set aside</th>
              <th scope="col">entry</th>
              <th scope="col">code</th>
              <th scope="col">reason</th>
              <th scope="col">fault</th>
              <th scope="col">what to do</th>
            </tr>
          </thead>
          <tbody>
            {letters.map((letter) => (
              <Letter
                key={letter.id}
                letter={letter}
                isShown={shown === letter.id}
                toggle={() => setShown(shown === letter.id ? undefined : letter.id)}
                done={done}
              />
            ))}
          </tbody>
        </table>
      </TableRoom>
    </Panel>
  );
}

function Letter({
  letter,
  isShown,
  toggle,
  done,
}: {
  letter: ListedLetter;
  isShown: boolean;
  toggle: () => void;
  done: (what: string) => void;
}) {
  const { id, at, shard, sequence, code, reason, stack, what } = letter;
  return (
    <>
      <tr>
        <th scope="row" class="number">
          {id}
        </th>
        <td title={moment(Date.parse(at))}>{ago(Date.parse(at))}</td>
        <td>
          {what}, shard {shard} at {sequence}
        </td>
        <td>
          <code>{code}</code>
        </td>
        <td class="wrap">{reason}</td>
        <td>
          <code>{stack === "" ? "–" : stack.slice(0, 8)}</code>
        </td>
        <td>
          <div class="button-row">
            <button
              type="button"
              class="button"
              disabled={!mayAct.value}
              aria-expanded={isShown}
              title={mayAct.value ? undefined : "Sign in as an operator to do this"}
              onClick={toggle}
            >
              {isShown ? "Hide" : "Show"} <span class="visually-hidden">letter {id}</span>
            </button>
            <ConfirmButton
              label={
                <>
                  Try again<span class="visually-hidden"> letter {id}</span>
                </>
              }
              title={`Try letter ${id} again?`}
              yes="Try again"
              act={async () => {
                await act("POST", `dead-letters/${id}/retry`);
                done(
                  `Letter ${id} is in its shard's log again. If its cause is still there, it comes back here.`,
                );
              }}
            >
              Its entry is appended to the shard's log to be folded anew, and this letter goes.
            </ConfirmButton>
            <ConfirmButton
              label={
                <>
                  Drop<span class="visually-hidden"> letter {id}</span>
                </>
              }
              title={`Drop letter ${id}?`}
              yes="Drop it"
              tone="danger"
              act={async () => {
                await act("POST", `dead-letters/${id}/drop`);
                done(`Letter ${id} is dropped.`);
              }}
            >
              The entry is forgotten: what it told never counts. This can't be undone.
            </ConfirmButton>
          </div>
        </td>
      </tr>
      {isShown ? (
        <tr>
          <td colSpan={7}>
            <Entry id={id} />
          </td>
        </tr>
      ) : null}
    </>
  );
}

/** A letter with its entry, which may tell whose it is: asked for when somebody wants to see it. */
function Entry({ id }: { id: number }) {
  const [letter, setLetter] = useState<ShownLetter>();
  const [problem, setProblem] = useState<string>();
  const [asked, setAsked] = useState<number>();
  if (asked !== id) {
    setAsked(id);
    get<ShownLetter>(`dead-letters/${id}`).then(setLetter, (thrown: unknown) => {
      if (!(thrown instanceof ApiError)) throw thrown;
      setProblem(thrown.message);
    });
  }
  if (problem !== undefined) return <p class="problem">{problem}</p>;
  if (letter === undefined) return <p class="hint">Loading the entry…</p>;
  return (
    <>
      <p class="hint">{bytes(letter.bytes)} in the log</p>
      <pre class="entry">
        {letter.entry === undefined
          ? "The bytes make no entry: they can't be read."
          : JSON.stringify(letter.entry, null, 2)}
      </pre>
    </>
  );
}
