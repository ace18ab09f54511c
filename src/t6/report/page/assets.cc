// The report's style and script. Two colours carry meaning: --own is this run, --other what it is compared with.
// Where several are beside each other, --t0 to --t7 tell them apart.
#include "t6/report/page/html.h"

namespace t6 {

const std::string_view kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --text: #1b1d22; --quiet: #656a73; --rule: #e4e4e0; --panel: #f3f3f0;
  --own: #2257c9; --faint: #2257c938; --other: #a3a9b4; --dots: #c4501b; --mark: #dfe8fb;
  --t0: #2257c9; --t1: #c4501b; --t2: #00805f; --t3: #a0468f; --t4: #8a6d00; --t5: #0f88b8; --t6: #b3203d; --t7: #5b5f66;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --text: #e7e8ea; --quiet: #9299a5; --rule: #2b2f36; --panel: #1c1f25;
    --own: #7ea6ff; --faint: #7ea6ff40; --other: #59606c; --dots: #ff9a62; --mark: #26385f;
    --t0: #7ea6ff; --t1: #ff9a62; --t2: #3cc79b; --t3: #e39bd2; --t4: #e3c13c; --t5: #63c6ee; --t6: #ff8095; --t7: #b3b8c2;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.4rem); line-height: 1.15; margin: 0 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 0 0 .8rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
h3 small { display: block; }
p { margin: 0 0 1rem; }
small { font-size: .8125rem; font-weight: 400; color: var(--quiet); }
section { border-top: 1px solid var(--rule); padding-top: 1.5rem; margin-top: 2.25rem; }
.pair p { margin-top: 1rem; }
section > p, .pair p { color: var(--quiet); max-width: 44rem; font-size: .9375rem; }
footer { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: 1rem; color: var(--quiet); font-size: .8125rem; }
.kicker { color: var(--quiet); font-size: .8125rem; margin: 0 0 .25rem; }
.summary { font-size: 1.125rem; max-width: 46rem; }
.warning { border-left: 3px solid var(--dots); padding-left: .75rem; color: var(--text) !important; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1.1rem 1.5rem; margin: 1.5rem 0 0; }
.tiles dt { color: var(--quiet); font-size: .8125rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles small { display: block; white-space: normal; }

.chart { margin: 0 0 1rem; position: relative; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .5rem; min-height: 1.6rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin-left: auto; font-size: .8125rem; color: var(--quiet); }
.legend span::before { content: ""; display: inline-block; width: 1.1rem; border-top: 2px solid var(--own); vertical-align: middle; margin-right: .4rem; }
.legend .faint::before { opacity: .4; }
.legend .dots::before { width: .5rem; height: .5rem; border: 0; border-radius: 50%; background: var(--dots); }
output { color: var(--text); font-variant-numeric: tabular-nums; }
.plot { position: relative; height: 9rem; margin: .5rem 1.25rem 1.5rem 3.25rem; touch-action: pan-y; }
.large .plot { height: clamp(15rem, 34vw, 23rem); }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; border-bottom: 1px solid var(--rule); }
.plot path, .plot polyline { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
.grid { stroke: var(--rule); }
.line polyline { stroke: var(--own); stroke-width: 1.75; }
.faint polyline { stroke: var(--faint); stroke-width: 1; }
.dots polyline { stroke: var(--dots); stroke-width: 6; }
.t0 { --own: var(--t0); --dots: var(--t0); }
.t1 { --own: var(--t1); --dots: var(--t1); }
.t2 { --own: var(--t2); --dots: var(--t2); }
.t3 { --own: var(--t3); --dots: var(--t3); }
.t4 { --own: var(--t4); --dots: var(--t4); }
.t5 { --own: var(--t5); --dots: var(--t5); }
.t6 { --own: var(--t6); --dots: var(--t6); }
.t7 { --own: var(--t7); --dots: var(--t7); }
.tint.faint polyline { stroke: var(--own); stroke-opacity: .35; }
.tint.dots polyline { stroke-width: 9; }
.tint path { stroke: var(--own); stroke-width: 1.5; }
.legend .tint.faint { display: none; }
.plot span { position: absolute; font-size: .75rem; line-height: 1; color: var(--quiet); white-space: nowrap; font-variant-numeric: tabular-nums; }
.plot .y { right: 100%; margin-right: .5rem; transform: translateY(-50%); }
.plot .x { top: 100%; margin-top: .5rem; transform: translateX(-50%); }
.plot .value { transform: translate(-50%, .5rem); color: var(--dots); font-weight: 600; text-shadow: 0 0 3px var(--page), 0 0 3px var(--page), 0 0 3px var(--page); }
.plot .label { color: var(--own); font-weight: 600; }
.plot .right { transform: translate(.6rem, -50%); }
.plot .left { transform: translate(calc(-100% - .6rem), -50%); }
.plot .below { transform: translate(-50%, .6rem); }
.plot .above { transform: translate(-50%, calc(-100% - .6rem)); }
.plot .cursor { top: 0; bottom: 0; width: 1px; background: var(--quiet); pointer-events: none; }
.axis { display: flex; gap: 1rem; margin: 0 1.25rem 0 3.25rem; min-height: 1.5em; font-size: .75rem; color: var(--quiet); }
.axis span { margin-left: auto; white-space: nowrap; }
.empty { height: 6rem; display: grid; place-items: center; color: var(--quiet); background: var(--panel); border-radius: .375rem; }
.small-charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 1rem 2rem; margin-top: 1.5rem; }

.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1.5rem 3rem; }
.pair > div { min-width: 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding-bottom: .35rem; }
th { text-align: left; font-weight: 400; }
td, th { padding: .25rem 0; vertical-align: top; border-bottom: 1px solid var(--rule); }
tbody th { color: var(--quiet); padding-right: 1rem; }
thead th { color: var(--quiet); font-size: .8125rem; }
.numbers td, .numbers thead th { text-align: right; padding-left: .75rem; white-space: nowrap; }
.numbers thead th:first-child { text-align: left; padding-left: 0; }
.bars td, .bars th { border: 0; padding: .1rem 0; vertical-align: middle; line-height: 1.2; white-space: nowrap; }
.bars th[scope="rowgroup"] { color: var(--text); font-weight: 600; padding-top: .7rem; white-space: normal; }
.bars th[scope="row"] { font-size: .8125rem; width: 1%; padding-right: .75rem; }
.bars td:last-child { font-size: .8125rem; width: 1%; text-align: right; padding-left: .75rem; }
.bars svg { display: block; width: 100%; height: .7rem; }
.bars rect { fill: var(--other); }
.bars .own rect { fill: var(--own); }
.configuration { columns: 19rem; column-gap: 3rem; }
.configuration table { margin-bottom: 1.5rem; }
.configuration table + table, .configuration tr { break-inside: avoid; }
.configuration td, .configuration th { overflow-wrap: anywhere; }
.configuration th { width: 12rem; }
.configuration td { text-align: right; }
.wide { overflow-x: auto; margin-bottom: 1rem; }
.wide td, .wide th { padding-right: .35rem; }
.wide td:last-child { white-space: normal; }
.wide thead th { vertical-align: bottom; white-space: normal; }
.wide th[scope="row"] { color: var(--text); font-weight: 600; white-space: nowrap; }
pre.file { padding: .9rem 1rem; background: var(--panel); border-radius: .375rem; overflow-x: auto; font-size: .8125rem; }
details { margin: .5rem 0 0; }
summary { cursor: pointer; color: var(--quiet); font-size: .875rem; }
details table { max-width: 36rem; margin-top: .5rem; }

.sample { margin: 0 0 1rem; padding: .9rem 1rem; background: var(--panel); border-radius: .375rem; max-width: 52rem; font: .9375rem/1.55 ui-serif, Georgia, "Times New Roman", serif; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--mark); color: inherit; border-radius: .2rem; padding: .05rem .15rem; -webkit-box-decoration-break: clone; box-decoration-break: clone; }

@page { margin: 15mm; }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --text: #000; --quiet: #555; --rule: #ddd; --panel: #f5f5f3;
    --own: #2257c9; --faint: #2257c950; --other: #a3a9b4; --dots: #c4501b; --mark: #dfe8fb;
    --t0: #2257c9; --t1: #c4501b; --t2: #00805f; --t3: #a0468f; --t4: #8a6d00; --t5: #0f88b8; --t6: #b3203d; --t7: #5b5f66;
  }
  body { font-size: 11pt; }
  main { padding: 0; max-width: none; }
  figure, .sample, .bars tbody, .tiles, .pair > div { break-inside: avoid; }
  .large .plot { height: 15rem; }
  .small-charts { grid-template-columns: repeat(3, 1fr); gap: 1rem; }
  .small-charts .plot { height: 6rem; }
  .pair { grid-template-columns: 1fr 1fr; gap: 1rem 2rem; }
  section:last-of-type { break-before: page; }
  h2, h3 { break-after: avoid; }
  .sample, mark, .empty { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  output { display: none; }
}
/* A grid: the number in a cell says the same without its colour. */
.grid-page { overflow-x: auto; }
.grid-page table { border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; width: 100%; }
.grid-page th, .grid-page td { border: 0; vertical-align: middle; font-size: .8125rem; }
.grid-page th { font-weight: 400; color: var(--quiet); padding: 0 .5rem; white-space: nowrap; }
.grid-page th { text-align: right; width: 1%; }
.grid-page thead th { text-align: center; padding-bottom: .2rem; width: auto; }
.grid-page thead th:first-child { text-align: right; width: 1%; }
.grid-page td { text-align: center; min-width: 2.6rem; height: 2rem; border-radius: 3px; padding: 0; }
.grid-page td.none { background: var(--panel); color: var(--quiet); }
)css";

const std::string_view kReportScript = R"js(
for (const figure of document.querySelectorAll('.chart[data-x]')) {
  const [x0, x1] = figure.dataset.x.split(' ').map(Number), [y0, y1] = figure.dataset.y.split(' ').map(Number);
  const plot = figure.querySelector('.plot'), output = figure.querySelector('output');
  const cursor = plot.appendChild(document.createElement('span'));
  cursor.className = 'cursor';
  cursor.hidden = true;
  const value = (y) => figure.dataset.log === '1' ? y1 * (y0 / y1) ** (y / 1000) : y1 + (y0 - y1) * y / 1000;
  const position = (x) => figure.dataset.logX === '1' ? x0 * (x1 / x0) ** (x / 1000) : x0 + (x1 - x0) * x / 1000;
  const short = (x) => {
    let unit = 0;
    for (; x >= 1000 && unit < 4; ++unit) x /= 1000;
    return Number(x.toPrecision(3)) + ['', ' K', ' M', ' G', ' T'][unit];
  };
  const series = [...figure.querySelectorAll('g:not(.faint)')].map((group) => ({
    name: group.dataset.name,
    points: [...group.querySelectorAll('polyline')].flatMap((line) => [...line.points]),
  })).filter((one) => one.points.length > 0);
  plot.addEventListener('pointermove', (event) => {
    const box = plot.getBoundingClientRect(), at = 1000 * (event.clientX - box.left) / box.width;
    const near = series.map(({name, points}) => {
      const point = points.reduce((a, b) => Math.abs(b.x - at) < Math.abs(a.x - at) ? b : a);
      const shown = Number(value(point.y).toPrecision(4));
      return {x: point.x, text: series.length > 1 ? name + ': ' + shown : shown};
    });
    const x = near[0].x;
    cursor.hidden = false;
    cursor.style.left = x / 10 + '%';
    output.textContent = short(position(x)) + ' – ' + near.map((one) => one.text).join(', ');
  });
  plot.addEventListener('pointerleave', () => { cursor.hidden = true; output.textContent = ''; });
}
)js";

}  // namespace t6
