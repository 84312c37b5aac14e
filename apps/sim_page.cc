// A page with the results of a scenario: all data in it, a small script that draws, no network.
#include "apps/sim_report.hh"

#include <string_view>

namespace anabranch::apps::experiment {
namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>anabranch sim</title>
<style>
:root { color-scheme: light dark; --line: #8884; --text: CanvasText; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--text); }
.key { display: inline-flex; align-items: center; gap: .3rem; margin-right: 1rem; font-size: 13px; }
.key i { width: 1.2rem; height: 3px; display: inline-block; }
.fail { color: #c00; } .wide { overflow-x: auto; }
</style>
</head>
<body>
<h1 id="title"></h1><p id="about"></p>
<p id="choice"></p>
<div id="run"></div>
<script type="application/json" id="data">)html";

constexpr std::string_view kTail = R"html(</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const colours = ["#1b6ec2", "#d9730d", "#2b8a3e", "#a61e4d", "#6741d9", "#0b7285", "#868e00", "#c2255c", "#495057"];
const make = (tag, text, parent) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.append(e);
  return e;
};
const svgNode = (tag, attributes, parent, text) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  parent.append(e);
  return e;
};
const mega = v => v === null || v === undefined ? "–" : (v / 1e6).toFixed(2);
const fixed = (v, n) => v === null || v === undefined ? "–" : v.toFixed(n);

function table(parent, head, rows) {
  const t = make("table", undefined, make("div", undefined, parent));
  t.parentNode.className = "wide";
  const first = make("tr", undefined, t);
  for (const h of head) make("th", h, first);
  for (const row of rows) {
    const tr = make("tr", undefined, t);
    for (const cell of row) make("td", String(cell), tr);
  }
}

// Round numbers that cover 0 to `most`.
function ticks(most) {
  const rough = most / 5, power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough) || power;
  const out = [];
  for (let v = 0; v <= most * 1.0001; v += step) out.push(v);
  return out;
}
const label = v => v >= 1000 ? v.toFixed(0) : Number(v.toPrecision(4)).toString();

// series: [{name, x: [...], y: [...]}], null in y: a gap in the line.
function plot(parent, title, xName, yName, series) {
  series = series.filter(s => s.y.some(v => v !== null && v !== undefined));
  if (!series.length) return;
  const figure = make("figure", undefined, parent);
  make("figcaption", title, figure);
  const w = 560, h = 260, left = 56, bottom = 34, top = 8, right = 8;
  const svg = svgNode("svg", {viewBox: `0 0 ${w} ${h}`, role: "img"}, figure);
  const xs = series.flatMap(s => s.x), ys = series.flatMap(s => s.y.filter(v => v !== null));
  let xMost = 0, yMost = 0;
  for (const v of xs) if (v > xMost) xMost = v;
  for (const v of ys) if (v > yMost) yMost = v;
  xMost = xMost || 1; yMost = yMost * 1.05 || 1;
  const px = v => left + (w - left - right) * v / xMost, py = v => h - bottom - (h - top - bottom) * v / yMost;
  for (const v of ticks(yMost)) {
    svgNode("line", {x1: left, x2: w - right, y1: py(v), y2: py(v), stroke: "var(--line)"}, svg);
    svgNode("text", {x: left - 5, y: py(v) + 4, "text-anchor": "end"}, svg, label(v));
  }
  for (const v of ticks(xMost)) svgNode("text", {x: px(v), y: h - bottom + 15, "text-anchor": "middle"}, svg, label(v));
  svgNode("text", {x: w - right, y: h - 4, "text-anchor": "end"}, svg, xName);
  svgNode("text", {x: 4, y: top + 8}, svg, yName);
  const keys = make("div", undefined, figure);
  series.forEach((s, i) => {
    const colour = colours[i % colours.length];
    let d = "", pen = false;
    s.x.forEach((x, j) => {
      const y = s.y[j];
      if (y === null || y === undefined) { pen = false; return; }
      d += `${pen ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`;
      pen = true;
    });
    svgNode("path", {d, fill: "none", stroke: colour, "stroke-width": 1.5}, svg);
    const key = make("span", undefined, keys);
    key.className = "key";
    make("i", undefined, key).style.background = colour;
    key.append(s.name);
  });
}

function distribution(values) {
  const sorted = values.filter(v => v !== null).sort((a, b) => a - b);
  return {x: sorted, y: sorted.map((_, i) => 100 * (i + 1) / sorted.length)};
}

function show(run) {
  const root = document.getElementById("run");
  root.replaceChildren();
  if (run.failure) { make("p", "This run failed: " + run.failure, root).className = "fail"; return; }
  make("p", `Measured from ${run.measured_from_s} s to ${run.measured_to_s} s.`, root);
  make("h2", "Groups", root);
  table(root, ["group", "connections", "goodput each, Mb/s", "least", "together", "Jain", "finished", "completion, s",
               "95 % of delays, ms", "longest gap, s"],
        Object.entries(run.groups).map(([name, g]) => [name, g.flows, mega(g.goodput_bps?.mean), mega(g.goodput_bps?.min),
          mega(g.goodput_bps?.sum), fixed(g.goodput_bps?.jain, 3), g.finished, fixed(g.completion_s?.mean, 3),
          fixed(g.delays_ms?.p95, 1), fixed(g.longest_gap_s, 3)]));
  const plots = make("div", undefined, root);
  plots.className = "plots";
  const flows = run.flows.filter(f => f.series).slice(0, 20);
  const called = f => f.name + (f.index ? `[${f.index}]` : "");
  const each = (of, scale) => flows.flatMap(f => f.series.paths.map(p => ({
    name: `${called(f)} ${p.path}${p.subflow ? " #" + p.subflow : ""}`, x: f.series.t_s,
    y: p[of].map(v => v === null ? null : v / scale)})));
  const whole = (of, scale) => flows.map(f => ({name: called(f), x: f.series.t_s, y: f.series[of].map(v => v / scale)}));
  plot(plots, "Goodput of each connection", "s", "Mb/s", whole("goodput_bps", 1e6));
  plot(plots, "Rate on each subflow", "s", "Mb/s", each("rate_bps", 1e6));
  plot(plots, "Smoothed round-trip time", "s", "ms", each("srtt_ms", 1));
  plot(plots, "Congestion window", "s", "KB", each("window_bytes", 1e3));
  plot(plots, "In flight", "s", "KB", each("in_flight_bytes", 1e3));
  if (flows.some(f => f.series.reinjected_bytes.some(v => v > 0))) {
    plot(plots, "Reinjected so far", "s", "KB", whole("reinjected_bytes", 1e3));
  }
  plot(plots, "Receive buffer", "s", "KB", whole("receive_buffer_bytes", 1e3));
  const delays = run.flows.filter(f => f.delays);
  plot(plots, "Delays: share that took at most so long", "ms", "%",
       delays.slice(0, 9).map(f => ({name: called(f), ...distribution(f.delays.each_ms)})));
  plot(plots, "Delays as they came", "s", "ms",
       delays.slice(0, 9).map(f => ({name: called(f), x: f.delays.at_s, y: f.delays.each_ms})));
  if (run.flows.length > 5) {
    plot(plots, "Goodput of the connections: share that had at most so much", "Mb/s", "%", Object.keys(run.groups).map(
      name => ({name, ...distribution(run.flows.filter(f => f.name === name).map(f => f.goodput_bps / 1e6))})));
  }
  make("h2", "Subflows", root);
  table(root, ["subflow", "path", "rate, Mb/s", "sent, MB", "mean RTT, ms", "mean window, KB", "retransmits", "state"],
        run.flows.slice(0, 50).flatMap(f => f.paths.map(p => [`${called(f)} #${p.subflow}`, p.path, mega(p.rate_bps),
          mega(p.sent_bytes), fixed(p.srtt_mean_ms, 1), p.window_mean_bytes === null ? "–" :
          (p.window_mean_bytes / 1e3).toFixed(1), p.retransmits ?? "–", p.ended_by ?? p.state ?? "–"])));
  make("h2", "Links", root);
  table(root, ["link", "rate, Mb/s", "utilised, %", "loss, %", "mean queue, KB", "longest queue, KB", "drops"],
        Object.entries(run.links).slice(0, 100).flatMap(([name, ways]) => Object.entries(ways).map(([way, l]) => [
          `${name} ${way}`, mega(l.rate_bps), l.utilisation === null ? "–" : (l.utilisation * 100).toFixed(1),
          l.loss_ratio === null ? "–" : (l.loss_ratio * 100).toFixed(3), (l.queue_mean_bytes / 1e3).toFixed(1),
          (l.queue_max_bytes / 1e3).toFixed(1),
          Object.entries(l.drops).map(([why, n]) => `${why} ${n}`).join(", ") || "–"])));
}

document.title = "anabranch sim: " + data.scenario;
document.getElementById("title").textContent = data.scenario;
document.getElementById("about").textContent = data.about;
const settings = r => [`seed ${r.seed}`, ...Object.entries(r.set).map(([k, v]) => `${k}=${v}`)].join(", ");
if (data.runs.length > 1) {
  const select = make("select", undefined, document.getElementById("choice"));
  data.runs.forEach((r, i) => { make("option", settings(r), select).value = i; });
  select.onchange = () => show(data.runs[select.value]);
} else if (data.runs.length) {
  document.getElementById("choice").textContent = settings(data.runs[0]);
}
if (data.runs.length) show(data.runs[0]);
</script>
</body>
</html>
)html";

}  // namespace

std::string result_page(const nlohmann::ordered_json& document) {
  std::string out{kHead};
  for (const char c : document.dump()) {
    if (c == '<') {
      out += "\\u003c";  // so that no string in it can end the script
    } else {
      out += c;
    }
  }
  return out + std::string{kTail};
}
}  // namespace anabranch::apps::experiment
