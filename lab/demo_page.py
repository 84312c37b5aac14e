"""The demo's result as one HTML file that needs nothing else: a chart of goodput per path, a table, what happened."""
import html

COLOURS = {0: ("#2563eb", "#60a5fa"), 1: ("#d97706", "#fbbf24"), 2: ("#059669", "#34d399")}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 380, 56, 16, 34, 40
WINDOW = 0.5  # seconds over which a rate is taken: wide enough to hide single bursts, narrow enough for a steep edge

STYLE = """
:root { --ink: #1f2937; --soft: #6b7280; --line: #e5e7eb; --paper: #ffffff; --ground: #f3f4f6; --p0: #2563eb;
  --p1: #d97706; --p2: #059669; --good: #047857; --bad: #b91c1c; --cut: rgba(185, 28, 28, .08); }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9ca3af; --line: #374151; --paper: #111827;
  --ground: #030712; --p0: #60a5fa; --p1: #fbbf24; --p2: #34d399; --good: #34d399; --bad: #f87171;
  --cut: rgba(248, 113, 113, .12); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem 1.5rem;
  margin-bottom: 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.verdict { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .grid { stroke: var(--line); } svg .mark { stroke: var(--bad); stroke-dasharray: 4 3; }
svg .heal { stroke: var(--good); } svg .label { font-weight: 600; fill: var(--ink); }
.legend { display: flex; gap: 1.5rem; flex-wrap: wrap; margin-bottom: .5rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .4rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } td.n, th.n { text-align: right; } code { font-size: .85em; }
ul { list-style: none; padding: 0; margin: 0; } li { padding: .15rem 0; }
"""


def rates(plot):
    """Interfaces in the order seen, and for each sample (seconds, [bit/s of each interface])."""
    names = []
    for subflow in plot["subflows"]:
        if subflow["interface"] not in names:
            names.append(subflow["interface"])
    names.sort()
    totals = []
    for sample in plot["samples"]:
        sums = [0] * len(names)
        for subflow, count in zip(plot["subflows"], sample["bytes_received"]):
            sums[names.index(subflow["interface"])] += count
        totals.append((sample["seconds"], sums))
    points, first = [], 0
    for seconds, sums in totals:
        while totals[first][0] < seconds - WINDOW - 1e-6:
            first += 1
        since, before = totals[first]
        span = seconds - since
        points.append((seconds, [(now - then) * 8 / span if span > 0.05 else 0.0 for now, then in zip(sums, before)]))
    return names, points


def tick_step(limit, steps=(1, 2, 5, 10, 20, 50, 100, 200, 500)):
    return next((step for step in steps if limit / step <= 8), steps[-1])


def chart(plot, events):
    names, points = rates(plot)
    if not points:
        return names, "<p>No samples.</p>"
    end = max(points[-1][0], 1.0)
    top = max(10.0, max(sum(values) for _, values in points) / 1e6 * 1.1)
    x = lambda seconds: LEFT + (WIDTH - LEFT - RIGHT) * min(max(seconds, 0) / end, 1)
    y = lambda megabits: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * megabits / top
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Goodput of each path over time">']
    out += shade(events, x)
    for value in range(0, int(top) + 1, tick_step(top)):
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
                   f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for value in range(0, int(end) + 1, tick_step(end)):
        out.append(f'<text x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value}</text>')
    out.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">seconds</text>'
               f'<text x="{LEFT - 44}" y="14">Mb/s</text>')
    out += areas(names, points, x, y)
    for event in events:
        kind = "mark heal" if "back" in event["what"] else "mark"
        at = x(event["seconds"])
        side, shift = ("end", -6) if at > WIDTH * 0.8 else ("start", 6)
        out.append(f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 14}" y2="{HEIGHT - BOTTOM}"/>'
                   f'<text class="label" x="{at + shift:.1f}" y="{TOP - 6}" text-anchor="{side}">'
                   f'{html.escape(event["what"])}</text>')
    return names, "\n".join(out + ["</svg>"])


def shade(events, x):
    """The time in which a path was away."""
    cut = [event["seconds"] for event in events if "cut" in event["what"]]
    back = [event["seconds"] for event in events if "back" in event["what"]]
    return [f'<rect x="{x(a):.1f}" y="{TOP - 14}" width="{x(b) - x(a):.1f}" height="{HEIGHT - TOP - BOTTOM + 14}" '
            f'fill="var(--cut)"/>' for a, b in zip(cut, back)]


def areas(names, points, x, y):
    """One path on top of the other: the upper edge is what the download got."""
    out, below = [], [0.0] * len(points)
    for number in range(len(names)):
        above = [base + values[number] / 1e6 for base, (_, values) in zip(below, points)]
        upper = " ".join(f"{x(s):.1f},{y(v):.1f}" for (s, _), v in zip(points, above))
        lower = " ".join(f"{x(s):.1f},{y(v):.1f}" for (s, _), v in reversed(list(zip(points, below))))
        out.append(f'<polygon points="{upper} {lower}" fill="var(--p{number % 3})" fill-opacity=".35"/>'
                   f'<polyline points="{upper}" fill="none" stroke="var(--p{number % 3})" stroke-width="1.6"/>')
        below = above
    return out


def table(report):
    rows = []
    for one in report["subflows"]:
        rows.append(f'<tr><td>{html.escape(one["interface"])}</td><td><code>{html.escape(one["local"])}</code></td>'
                    f'<td><code>{html.escape(one["remote"])}</code></td>'
                    f'<td class="n">{one["bytes_received"] / 1e6:.1f} MB</td><td class="n">{one["srtt_ms"]:.1f} ms</td>'
                    f'<td class="n">{one["retransmits"]}</td><td>{html.escape(one["state"])}</td></tr>')
    return ('<div class="scroll"><table><thead><tr><th>path</th><th>from</th><th>to</th><th class="n">received</th>'
            '<th class="n">RTT</th><th class="n">retransmits</th><th>at the end</th></tr></thead><tbody>'
            + "".join(rows) + "</tbody></table></div>")


def page(title, subtitle, report, plot, events, checks):
    """checks: [(whether it holds, what it says)]."""
    names, picture = chart(plot, events)
    good = all(holds for holds, _ in checks)
    verdict = ("Every byte arrived, and both paths did their part." if good else "Something went wrong: see below.")
    legend = "".join(f'<span><i style="background:var(--p{n % 3})"></i>{html.escape(name)}</span>'
                     for n, name in enumerate(names))
    items = "".join(f'<li><span class="{"good" if holds else "bad"}">{"✓" if holds else "✗"}</span> {html.escape(text)}</li>'
                    for holds, text in checks)
    said = (f'{report["bytes"] / 1e6:.0f} MB in {report["seconds"]:.1f} s, '
            f'{report["goodput_bits_per_second"] / 1e6:.1f} Mb/s, {report["protocol"]}')
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><main>
<section><h1>{html.escape(title)}</h1><p class="soft">{html.escape(subtitle)}</p>
<p class="verdict {'good' if good else 'bad'}">{verdict}</p><p>{said}</p></section>
<section><h2>Goodput of each path, one on top of the other</h2><div class="legend">{legend}</div>
{picture}</section>
<section><h2>Subflows</h2>{table(report)}</section>
<section><h2>Checked</h2><ul>{items}</ul></section>
</main></body></html>
"""
