import { refused } from "../events/request-body.ts";
import type { ShownLetter } from "../gateway/dead-letters.ts";
import { type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";
import type { ConsolePorts } from "./console-ports.ts";
import { countIn } from "./read-query.ts";

/** A dead letter without its entry, which may tell whose it is. */
export type ListedLetter = Omit<ShownLetter, "entry"> &
  Readonly<{
    /** Type of the behaviour or kind of the entry; `unreadable` if the bytes make none. */
    what: string;
  }>;

/** Letters listed at most: each is a request to the server. */
const LISTED_MAX = 200;

/** Dead letters: listed for whoever may look, shown with their entries to operators, tried again or dropped by them. */
export function letterRoutes({ letters }: Pick<ConsolePorts, "letters">): readonly AdminRoute[] {
  const path = "/console/v1/dead-letters";
  const idIn = (params: Readonly<Record<string, string>>): number => {
    const id = countIn(params, "id");
    if (id === undefined) throw refused({ code: "MISSING_FIELD", message: "id is missing" });
    return id;
  };
  return [
    {
      method: "GET",
      path,
      role: "reader",
      answer: async () => jsonReply({ letters: (await letters.list(LISTED_MAX)).map(listed) }),
    },
    {
      method: "GET",
      path: `${path}/:id`,
      role: "operator",
      answer: async ({ params }) => jsonReply(await letters.show(idIn(params))),
    },
    {
      method: "POST",
      path: `${path}/:id/retry`,
      role: "operator",
      async answer({ params }) {
        await letters.retry(idIn(params));
        return jsonReply({ retried: idIn(params) });
      },
    },
    {
      method: "POST",
      path: `${path}/:id/drop`,
      role: "operator",
      async answer({ params }) {
        await letters.drop(idIn(params));
        return jsonReply({ dropped: idIn(params) });
      },
    },
  ];
}

function listed({ entry, ...letter }: ShownLetter): ListedLetter {
  const what = entry === undefined ? "unreadable" : entry.kind === "behaviour" ? entry.type : entry.kind;
  return { ...letter, what };
}
