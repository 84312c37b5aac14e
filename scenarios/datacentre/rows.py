"""Raiciu, Barre, Pluntke, Greenhalgh, Wischik and Handley, SIGCOMM 2011: data centres with Multipath TCP."""

from reproduce import row

MODEL = "reference model"
# Mean share of the network interfaces, by number of subflows: what the model gives, and what we ask for.
SHARES = {1: ("50-55 %", 0.45, 0.58), 2: ("69-72 %", 0.64, 0.76), 4: ("86-87 %", 0.82, 0.91), 8: ("97-98 %", 0.93, 1.0)}
SUBFLOWS = (1, 2, 3, 4, 6, 8)


def shares(run, rate=100e6):
    """Of each connection: packets of 1500 bytes carry 1420 bytes, 1448 in a TCP."""
    return [f["goodput_bps"] * 1500 / (1448 if f["protocol"] == "tcp" else 1420) / rate for f in run["flows"]]


@row("S-3.1", "A fat tree of 128 hosts: subflows fill what one path leaves idle", cost=360)
def fat_tree(r):
    """Each host sends to one other, in a random permutation, for 4 seconds; each subflow takes a random path of its own of
    the sixteen there are. 100 Mb/s links, queues of 100 packets, 100 us a hop; LIA."""
    means, jains, tenths = {}, {}, {}
    for n in SUBFLOWS:
        runs = [shares(run) for run in r.sim("fat_tree.toml", seeds=r.seeds(2), sets={"flow.all.subflows": n})]
        means[n] = r.mean(r.mean(s) for s in runs)
        jains[n] = r.mean(r.jain(s) for s in runs)
        tenths[n] = r.mean(r.quantile(s, 0.1) for s in runs)
        if n == SUBFLOWS[-1]:
            r.plot("cdf", "Throughput of the hosts, 8 subflows", x="share of the interface",
                   series=[{"name": f"seed {i + 1}", "x": s} for i, s in enumerate(runs)])
    for n, (published, low, high) in SHARES.items():
        criterion = f"at least {low:.0%}" if high == 1 else f"{low:.0%} to {high:.0%}"
        r.check(f"{n} subflow{'s' if n > 1 else ''}: mean throughput of the hosts", low <= means[n] <= high, ours=f"{means[n]:.1%}",
                published=published, source=MODEL, criterion=criterion)
    r.check("More subflows, more throughput", all(means[a] < means[b] for a, b in zip(SUBFLOWS, SUBFLOWS[1:])),
            ours=", ".join(f"{n}: {means[n]:.1%}" for n in SUBFLOWS), criterion="each more than the one before")
    r.check("8 subflows: Jain's index over the hosts", jains[8] >= 0.99, ours=f"{jains[8]:.3f}", published="0.996-0.998", source=MODEL,
            criterion="at least 0.99")
    r.check("8 subflows: the tenth that has least", tenths[8] >= 0.8, ours=f"{tenths[8]:.1%}", criterion="at least 80 %")
    r.plot("lines", "Mean throughput of 128 hosts", x="subflows", y="share of the interface",
           series=[{"name": "LIA", "x": list(SUBFLOWS), "y": [means[n] for n in SUBFLOWS]}])
