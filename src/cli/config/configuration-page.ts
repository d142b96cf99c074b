import type { Setting } from "./node-settings.ts";

const HEAD = `# Configuration

<!-- Written by \`resonance config reference > docs/configuration.md\`: a test compares it. -->

Every option of a node can be given in four ways. What stands further down counts more:

1. the default;
2. a file, YAML or JSON: \`resonance up --config FILE\`, or the variable \`RESONANCE_CONFIG\`;
3. a variable of the environment (an empty one counts as left out);
4. a flag on the command line.

\`\`\`yaml
# resonance.yaml
nats: nats://a,nats://b,nats://c
data: /var/lib/resonance
shards: 64
roles: [shards, gateway]
http: 0.0.0.0:8080
refit: false
\`\`\`

\`\`\`sh
resonance config check resonance.yaml                    # every mistake, with line and column
resonance config print --config resonance.yaml --origin  # what is in force, and why; --json
resonance up --config resonance.yaml --weight 2
\`\`\`

- Names in a file are those of the flags without \`--\`. A switch is \`true\` or \`false\`: \`refit: false\` is \`--no-refit\`. A list may be a YAML list or have commas between.
- Paths are relative to the folder that the command is started in, wherever they are written.
- What is wrong ends the command with \`BAD_CONFIG_FILE\`, \`UNKNOWN_OPTION\` or \`BAD_OPTION\`, names the place (\`resonance.yaml:4:9\`, or the variable), says what it should be, and, of a name that nothing reads,
  which one was most likely meant. On the command line it is \`BAD_USAGE\`. Nothing is started then.
- \`config print\` shows no secrets: users, passwords and tokens in URLs are hidden. Passwords and keys themselves come from files, or from these variables alone: \`RESONANCE_NATS_PASSWORD\`,
  \`RESONANCE_NATS_TOKEN\`, \`RESONANCE_HTTP_KEYS\`.
- The other commands find the engine by \`--nats\`, \`--data\`, \`--prefix\` and the options of the connection, or by their variables.
`;

/** The page of all options, made from what the command line takes. */
export function configurationPage(settings: readonly Setting[]): string {
  const groups = [...new Set(settings.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const rows = settings.filter((setting) => setting.group === group).map(row);
    const title = group?.replace(/:$/, "") ?? "Options of a node";
    return `\n## ${title}\n\n| option | variable | default | what |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return HEAD + sections.join("");
}

function row({ name, shape, variable, defaultText, description, choices }: Setting): string {
  const option = shape === "" ? name : `${name} ${shape}`;
  const given = defaultText === undefined ? "–" : `\`${defaultText}\``;
  const among = choices === undefined ? "" : `: ${choices.join(" or ")}`;
  return `| \`${cell(option)}\` | \`${variable}\` | ${cell(given)} | ${cell(description + among)} |`;
}

/** A bar would end the cell, in code too. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
