import {
  ENDPOINT_ROLES,
  inboxPrefixOf,
  isSigned,
  OPERATOR_TASKS,
  permissionsOf,
  ROLES,
  type Role,
} from "../../events/roles.ts";

/** What a role may do with a subject, and whether asking it takes a signature. */
export type RoleRow = Readonly<{ subject: string; what: string; roles: readonly Role[]; signed: boolean }>;

/** Every subject of the engine, who may do what with it, most asked first. */
export function roleRows(prefix: string): RoleRow[] {
  const ask = (subject: string): RoleRow => ({
    subject,
    what: "ask",
    roles: ROLES.filter((role) => mayPublish(role, prefix, subject)),
    signed: isSigned(prefix, subject),
  });
  const nodes = (subject: string, what: string): RoleRow => ({
    subject,
    what,
    roles: ["node"],
    signed: false,
  });
  return [
    ...Object.keys(ENDPOINT_ROLES).map((name) => ask(`${prefix}.v1.${name}`)),
    {
      subject: `${prefix}.v1.transitions.>`,
      what: "listen",
      roles: ROLES.filter((role) =>
        permissionsOf(role, prefix).subscribe.some((held) => held.startsWith(`${prefix}.v1.`)),
      ),
      signed: false,
    },
    ...OPERATOR_TASKS.map((name) => ask(`${prefix}.internal.profiles.${name}`)),
    { subject: "$SRV.>", what: "ask", roles: ["operator"], signed: false },
    ...ROLES.map((role) => ({
      subject: `${inboxPrefixOf(role)}.>`,
      what: "listen",
      roles: [role],
      signed: false,
    })),
    nodes(`${prefix}.v1.>`, "answer"),
    nodes(`${prefix}.internal.>`, "ask, answer"),
    nodes("$SRV.>", "answer"),
    nodes("_INBOX_<role>.>", "answer"),
    nodes("*.told.>", "listen"),
    ...permissionsOf("node", prefix)
      .publish.filter((subject) => !subject.startsWith(`${prefix}.`) && !subject.startsWith("_INBOX"))
      .map((subject) => nodes(subject, "publish")),
  ];
}

/** The rows as a table of Markdown, which docs/security.md holds. */
export function roleTable(prefix: string): string[] {
  return [
    `| subject | what | ${ROLES.join(" | ")} | signed |`,
    `|---|---|${ROLES.map(() => "---|").join("")}---|`,
    ...roleRows(prefix).map(
      ({ subject, what, roles, signed }) =>
        `| \`${subject}\` | ${what} | ${ROLES.map((role) => (roles.includes(role) ? "yes" : "")).join(" | ")} | ${signed ? "yes" : ""} |`,
    ),
  ];
}

function mayPublish(role: Role, prefix: string, subject: string): boolean {
  const { publish } = permissionsOf(role, prefix);
  return publish.some((held) =>
    held.endsWith(".>") ? subject.startsWith(held.slice(0, -1)) : held === subject,
  );
}
