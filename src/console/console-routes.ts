import { type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";

/** What the shell of the console asks. */
export function consoleRoutes(node: Readonly<{ name: string }>): readonly AdminRoute[] {
  return [
    // Whether somebody may read is told by the status: the page asks for a key if they may not.
    { method: "GET", path: "/console/v1/node", role: "reader", answer: async () => jsonReply(node) },
    // Whether a key is an operator's: the page asks this once it was given one.
    {
      method: "GET",
      path: "/console/v1/operator",
      role: "operator",
      answer: async ({ keyName }) => jsonReply({ name: keyName }),
    },
  ];
}
