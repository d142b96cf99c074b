// The same over HTTP, for what speaks no NATS: a node with `--http`, and a key of each role (docs/http.md).
const url = process.env["RESONANCE_HTTP_URL"] ?? "http://127.0.0.1:8080";
const keyOf = (role: string): string => {
  const key = process.env[`RESONANCE_${role}_KEY`];
  if (key === undefined)
    throw new Error(
      `set RESONANCE_${role}_KEY: resonance auth key new --role ${role.toLowerCase()} --name example`,
    );
  return key;
};

async function post<Reply>(path: string, role: string, body: unknown): Promise<Reply> {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${keyOf(role)}` };
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Reply;
}

const user = `web-${Date.now()}`;
const event = { id: "1", user, type: "view", ts: Date.now(), item: "running-1", categories: ["running"] };
const { accepted, positions } = await post<{ accepted: number; positions: object[] }>(
  "/v1/ingest",
  "PRODUCER",
  event,
);
const score = await post<{ evidence: number }>("/v1/score", "READER", { user, atLeast: positions });
console.log(`${accepted} event stored; the score is made of ${score.evidence.toFixed(1)} events`);
