"""Two paths at random: is Multipath TCP ever worse than TCP over the better one, and how much better is it?"""
from reproduce import row

SETTINGS = 300
SEEDS = 3  # where packets are lost at random
CANDIDATES = [("sttf", "cubic"), ("ecf", "cubic"), ("blest", "cubic"), ("lowest_rtt", "cubic"), ("sttf", "lia"), ("sttf", "olia"),
              ("sttf", "balia")]
WHY = ("no other subflow may be opened before data with a DSS has come over the first one (RFC 8684 §3.1), which is two of its round "
       "trips: where the worse path is first and the other one is done in a few seconds, that alone is more than 5 %")
CLASSES = ["little in flight, no loss", "little in flight, losses", "much in flight, no loss", "much in flight, losses"]


def radical_inverse(i, base):
    out, weight = 0.0, 1.0
    while i:
        i, digit = divmod(i, base)
        weight /= base
        out += weight * digit
    return out


def setting(i):
    """Point i of a Halton sequence (its first twenty points, which are correlated, left out), as two paths."""
    u = [radical_inverse(i + 20, base) for base in (2, 3, 5, 7, 11, 13, 17, 19)]
    path = lambda k: {"rate": 0.1 * 1000 ** u[k], "rtt": 400 * u[k + 1], "queue": 2000 * u[k + 2],
                      "loss": 0.025 * u[k + 3] if i % 2 else 0}
    return {"a": path(0), "b": path(4)}


def class_of(paths):
    """By what the larger path holds without a queue, divided at 64 KB: as much as TCP sends without options."""
    holds = max(p["rate"] * p["rtt"] * 125 for p in paths.values())
    return (2 if holds > 64e3 else 0) + (1 if any(p["loss"] for p in paths.values()) else 0)


def benefit(best, total, got):
    """Aggregation benefit: 0 is the better path alone, 1 the sum of both, -1 nothing at all (Kaspar 2012; Paasch, Khalili,
    Bonaventure, CoNEXT 2013)."""
    return (got - best) / (total - best) if got >= best else (got - best) / best


def seconds(r, paths, size, use, protocol, sets=None):
    """How long it takes: the median of some seeds where packets are lost at random, for one run says little there."""
    drawn = {f"vars.{what}_{name}": f"{value:.6g}" for name, p in paths.items() for what, value in p.items()}
    order = ", ".join(f'"{name}"' for name in use)
    lossy = any(paths[name]["loss"] for name in use)
    runs = r.sim("download.toml", seeds=r.seeds(SEEDS) if lossy else range(1, 2),
                 sets={**drawn, "vars.size": size, "flow.get.paths": f"[{order}]", "flow.get.protocol": protocol, **(sets or {})})
    return r.median(run["flows"][0]["finished_s"] or 3600 for run in runs)


class Outcome:
    """One download over both paths, beside one over each."""

    def __init__(self, paths, alone, took, first):
        self.kind = class_of(paths)
        self.ratio = min(alone.values()) / took
        self.better_first = alone[first] == min(alone.values())
        # Two round trips of a worse first path, before which no other may be used:
        spare = 0 if self.better_first else 2e-3 * paths[first]["rtt"]
        self.allowed = min(alone.values()) / max(took - spare, 1e-3)
        rates = [1 / t for t in alone.values()]
        self.benefit = benefit(max(rates), sum(rates), 1 / took)


def outcomes(r, size, sets=None, step=1):
    """TCP is what our stack does without the option, with its default controller, whatever the subflows use."""
    out = []
    for i in range(0, SETTINGS, step):
        paths = setting(i)
        alone = {name: seconds(r, paths, size, name, "tcp") for name in "ab"}
        for order in ("ab", "ba"):
            out.append(Outcome(paths, alone, seconds(r, paths, size, order, "mptcp", sets), order[0]))
    return out


def share(values):
    values = list(values)
    return sum(ratio >= 0.95 for ratio in values) / len(values) if values else 0.0


def tell(r, size, runs):
    each = {name: [o.benefit for o in runs if CLASSES[o.kind] == name] for name in CLASSES}
    everything = [o.benefit for o in runs]
    classes = "; ".join(f"{name}: {r.median(values):.2f} (a tenth below {r.quantile(values, 0.1):.2f}, a tenth above "
                        f"{r.quantile(values, 0.9):.2f})" for name, values in each.items() if values)
    r.check(f"{size} MB: the median run gains", r.median(everything) > 0, ours=f"benefit {r.median(everything):.2f}. {classes}",
            criterion="more than 0")
    r.plot("cdf", f"Aggregation benefit, {size} MB: 0 is the better path alone, 1 the sum of both", x="benefit", y="share of runs",
           series=[{"name": name, "x": values} for name, values in each.items()])


@row("never worse", "300 pairs of paths at random, either of them first: 4 and 20 MB against TCP over the better one", cost=3000)
def never_worse(r):
    """Rates of 0.1 to 100 Mb/s, round trips of 0 to 400 ms, queues of 0 to 2 s, half of the settings with 0 to 2.5 % loss; the time
    includes the handshake, on whichever path is first. Scheduler sttf, CUBIC on each subflow and for TCP. Where packets are lost
    both sides are medians of three seeds; without losses there is one run, and luck with a queue that overflows stays in it."""
    runs = {size: outcomes(r, size, {"flow.get.scheduler": "sttf"}) for size in (4, 20)}
    for size in runs:
        tell(r, size, runs[size])
    both = runs[4] + runs[20]
    parts = [f"{share(o.ratio for o in both):.1%} of {len(both)}"]
    for size, of in runs.items():
        parts.append(f"{size} MB: {share(o.ratio for o in of if o.better_first):.1%} where the better path is first, "
                     f"{share(o.ratio for o in of if not o.better_first):.1%} where the worse one is")
    r.check("runs with at least 0.95 of TCP over the better path", share(o.ratio for o in both) >= 0.95, ours="; ".join(parts),
            criterion="95 %", contested=WHY)
    r.check("the same, less two round trips of a worse first path", share(o.allowed for o in both) >= 0.95,
            ours=f"{share(o.allowed for o in both):.1%}", criterion="95 %")


@row("never worse, candidates", "Schedulers and controllers that could be the default, in every seventh of these settings, 4 MB", cost=600)
def candidates(r):
    """The choice of the defaults rests on this; TCP is always with CUBIC. Decisions 0014 and 0015."""
    got = {}
    for scheduler, controller in CANDIDATES:
        runs = outcomes(r, 4, {"flow.get.scheduler": scheduler, "flow.get.controller": controller}, step=7 if not r.fast else 61)
        got[scheduler, controller] = share(o.ratio for o in runs)
        r.check(f"{scheduler} with {controller}", True, ours=f"{share(o.ratio for o in runs):.1%} of {len(runs)} runs reach 0.95; median "
                f"benefit {r.median(o.benefit for o in runs):.2f}", criterion="none: for comparison")
    best = max(got[s, "cubic"] for s, c in CANDIDATES if c == "cubic")
    r.check("sttf is the best scheduler", got["sttf", "cubic"] >= best, ours=f"{got['sttf', 'cubic']:.1%}", criterion="no other reaches more")
