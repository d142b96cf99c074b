/** The report's only style sheet. Colours are told apart by people who do not see red or green, too. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ground: #fbfaf8; --card: #fff; --ink: #1c1b1a; --soft: #66625c; --rule: #e2ded7;
  --good: #00705a; --bad: #b3400d; --bar: #2f6db5; --track: #ece8e1;
  --c0: #2f6db5; --c1: #d1620b; --c2: #00856b; --c3: #a8468b; --c4: #8a6d00; --c5: #5a5f66; }
@media (prefers-color-scheme: dark) { :root { --ground: #151618; --card: #1e2023; --ink: #ebe9e5; --soft: #a09c95;
  --rule: #34373c; --good: #4cc9a8; --bad: #ff9a62; --bar: #6ea8ec; --track: #2d3035;
  --c0: #6ea8ec; --c1: #f39a4c; --c2: #41c7a4; --c3: #dd8cc4; --c4: #d9bd4c; --c5: #a9aeb6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 56px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 40px 0 10px; }
h3 { font-size: 14px; margin: 0 0 6px; font-weight: 600; }
p { margin: 4px 0; }
.soft, figcaption { color: var(--soft); }
.verdict { font-size: 17px; margin: 16px 0 0; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; background: var(--card); border: 1px solid var(--rule); }
th, td { padding: 8px 12px; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }
thead th { border-top: 0; color: var(--soft); font-size: 12.5px; font-weight: 600; white-space: nowrap; }
td.figure, th.figure { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.figure strong { font-size: 1.07em; }
tbody th { font-weight: 500; } th, td { overflow-wrap: break-word; }
thead .what { width: 29%; } thead .median, thead .spread { width: 15%; } thead .ceiling { width: 18%; } thead .ratio { width: 11%; }
td.figure .note { white-space: normal; }
.note { display: block; color: var(--soft); font-size: 0.87em; font-weight: 400; }
.ratio { font-variant-numeric: tabular-nums; }
.ratio svg { display: block; width: 100%; height: 8px; margin-top: 5px; }
.track { fill: var(--track); } .bar { fill: var(--bar); } .mark { fill: var(--ink); } .one { fill: var(--card); }
.reached { color: var(--good); font-weight: 600; } .missed { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 14px; margin-top: 14px; }
figure { margin: 0; padding: 14px; background: var(--card); border: 1px solid var(--rule); min-width: 0; break-inside: avoid; }
figure > svg { display: block; width: 100%; height: auto; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0 0 4px; padding: 0; font-size: 13px; }
.legend svg { width: 24px; height: 8px; margin-right: 6px; }
.grid { stroke: var(--rule); fill: none; } .tick, .label { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.dashed .line { stroke-dasharray: 5 4; } .dot { fill: currentColor; }
g.c0, .c0 .line { color: var(--c0); } g.c1, .c1 .line { color: var(--c1); } g.c2, .c2 .line { color: var(--c2); }
g.c3, .c3 .line { color: var(--c3); } g.c4, .c4 .line { color: var(--c4); } g.c5, .c5 .line { color: var(--c5); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 20px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: 12px; } summary { cursor: pointer; }
@media (max-width: 700px) {
  main { padding: 18px 12px 40px; } thead { display: none; }
  table, tbody, tr, th, td { display: block; width: 100%; } .tick, .label { font-size: 14px; }
  tr { padding: 10px 12px; border-top: 1px solid var(--rule); } tr:first-child { border-top: 0; }
  tbody th, td { border: 0; padding: 2px 0; min-width: 0; }
  td, td.figure { display: flex; justify-content: space-between; gap: 16px; text-align: right; white-space: normal; }
  td::before { content: attr(data-label); color: var(--soft); font-size: 13px; text-align: left; flex: none; }
  td:empty, td.blank { display: none; } .ratio > div { flex: 1; max-width: 60%; }
  dl { grid-template-columns: 1fr; gap: 0; } dt { margin-top: 6px; }
}
@page { margin: 14mm; }
@media print {
  .plots { grid-template-columns: 1fr 1fr; } th, td { padding: 5px 8px; } h2 { margin-top: 22px; }
  :root { color-scheme: light; } body { background: #fff; font-size: 11px; } main { max-width: none; padding: 0; }
  tr, figure { break-inside: avoid; } h2 { break-after: avoid; } details { display: block; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
