"""Two paths at random: is Multipath TCP ever worse than TCP over the better one, and how much better is it?"""
from reproduce import row

SETTINGS = 300
WHY = ("two things, found in single runs: no subflow may be opened before the first data has come over the first one (RFC 8684 "
       "§3.1), which is two of its round trips; and a smoothed round trip follows a queue that grows by seconds too late, so that "
       "lowest_rtt feeds the slow path, and the last bytes are not copied to the quick one in time")
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


def goodput(r, paths, size, use, protocol):
    """Mb/s. Where packets are lost at random one run says little: the median of three, as in the literature."""
    sets = {f"vars.{what}_{name}": f"{value:.6g}" for name, p in paths.items() for what, value in p.items()}
    order = ", ".join(f'"{name}"' for name in use)
    lossy = any(paths[name]["loss"] for name in use)
    runs = r.sim("download.toml", seeds=range(1, 4 if lossy else 2),
                 sets={**sets, "vars.size": size, "flow.get.paths": f"[{order}]", "flow.get.protocol": protocol})
    return r.median(size * 8 / run["flows"][0]["finished_s"] if run["flows"][0]["finished_s"] else 0.0 for run in runs)


def study(r, size, contested=None):
    ratios, benefits = {True: [], False: []}, {name: [] for name in CLASSES}  # ratios by whether the better path is first
    for i in range(SETTINGS):
        paths = setting(i)
        alone = [goodput(r, paths, size, name, "tcp") for name in "ab"]
        for order in ("ab", "ba"):
            got = goodput(r, paths, size, order, "mptcp")
            ratios[order[0] == "ab"[alone[1] > alone[0]]].append(got / max(alone))
            benefits[CLASSES[class_of(paths)]].append(benefit(max(alone), sum(alone), got))
    share = lambda values: sum(ratio >= 0.95 for ratio in values) / len(values)
    all_of_them = ratios[True] + ratios[False]
    r.check(f"{size} MB: runs with at least 0.95 of TCP over the better path", share(all_of_them) >= 0.95,
            ours=f"{share(all_of_them):.1%} of {len(all_of_them)}: {share(ratios[True]):.1%} where the better path is first, "
                 f"{share(ratios[False]):.1%} where the worse one is", criterion="95 %", contested=contested)
    everything = [value for values in benefits.values() for value in values]
    each = "; ".join(f"{name}: {r.median(values):.2f} (a tenth below {r.quantile(values, 0.1):.2f}, a tenth above "
                     f"{r.quantile(values, 0.9):.2f})" for name, values in benefits.items() if values)
    r.check(f"{size} MB: the median run gains", r.median(everything) > 0, ours=f"benefit {r.median(everything):.2f}. {each}",
            criterion="more than 0")
    r.plot("cdf", f"Aggregation benefit, {size} MB: 0 is the better path alone, 1 the sum of both", x="benefit", y="share of runs",
           series=[{"name": name, "x": values} for name, values in benefits.items()])


@row("never worse", "300 pairs of paths at random, either of them first: 4 MB against TCP over the better one", cost=900)
def four(r):
    """Rates of 0.1 to 100 Mb/s, round trips of 0 to 400 ms, queues of 0 to 2 s, half of the settings with 0 to 2.5 % loss;
    the time includes the handshake, on whichever path is first. The ranges are those of De Coninck and Bonaventure, CoNEXT 2017."""
    study(r, 4, WHY)


@row("never worse, 20 MB", "The same settings with 20 MB", cost=2500)
def twenty(r):
    """What is lost while connections open weighs less."""
    study(r, 20, WHY)
