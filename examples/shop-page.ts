// A shop's page with the script for pages in it, and the server that it comes from: what is clicked goes from the browser
// to the node, and the shop asks how its visitor resonates. Open the address that it prints.
import { createServer } from "node:http";
import { ask, connectEngine } from "./engine.ts";

const node = process.env["RESONANCE_HTTP_URL"] ?? "http://127.0.0.1:8080";
const key = process.env["RESONANCE_PRODUCER_KEY"];
if (key === undefined)
  throw new Error(
    "set RESONANCE_PRODUCER_KEY: resonance auth key new --role producer --name page --origin '*'",
  );

const PAGE = `<!doctype html><html lang="en"><title>A shop</title>
<script src="${node}/resonance.js" data-key="${key}"></script>
<h1>What do you like?</h1>
<button data-item="running">Running</button> <button data-item="climbing">Climbing</button>
<p id="score" role="status">Nothing is known of you yet.</p>
<script>
  let clicks = 0;
  for (const button of document.querySelectorAll("button"))
    button.onclick = () => {
      const likes = button.dataset.item;
      resonance.track("view", { item: likes + "-" + clicks++, categories: [likes] });
      resonance.flush();
    };
  setInterval(async () => {
    const reply = await fetch("/score?user=" + encodeURIComponent(resonance.user()));
    document.getElementById("score").textContent = await reply.text();
  }, 500);
</script></html>`;

type Score = { evidence: number; segments: { segment: string; probability: number }[] };
const engine = await connectEngine("shop-page");
const server = createServer(async (request, response) => {
  const user = new URL(request.url ?? "/", "http://shop").searchParams.get("user");
  if (user === null) return void response.setHeader("Content-Type", "text/html; charset=utf-8").end(PAGE);
  const { evidence, segments } = await ask<Score>(engine, "score", { user, map: "sport" });
  const told = segments.map(({ segment, probability }) => `${segment} ${(probability * 100).toFixed(0)} %`);
  response.end(`${told.join(", ")} (after ${evidence.toFixed(0)} views)`);
});
server.listen(Number(process.env["PORT"] ?? 8000), "127.0.0.1", () => {
  const address = server.address();
  console.log(`shop at http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
});
