"""BALIA's responsiveness, wVegas alone and in company."""

from reproduce import row

FEW = """A sixth of the path is what flows take that know nothing of each other, and Reno on each subflow takes about that.
Coupled rules leave a path that is worse: LIA's windows are in inverse proportion to the loss rates. Alone on the first path
the connection has some 70 packets in flight, a TCP among six on the second 12 to 14; the loss rate goes with the inverse
square of that, so the second path is about 25 times worse, and 1/25 of the window is there: 4 %."""

NAMES = {"lia": "LIA", "olia": "OLIA", "balia": "BALIA", "fully_coupled": "fully coupled", "new_reno": "Reno on each subflow"}


def second_path(run):
    flow = next(f for f in run["flows"] if f["name"] == "mp")
    path = next(p for p in flow["series"]["paths"] if p["path"] == "mp-two")
    return list(zip(flow["series"]["t_s"], [(b or 0) / 1e6 for b in path["rate_bps"]]))


def recovery(run):
    """Seconds from 80 s until the second path has 90 % of its rate from before the TCPs came, for five seconds."""
    series = second_path(run)
    before = [b for t, b in series if 20 < t <= 40]
    wanted = 0.9 * sum(before) / len(before)
    for at, _ in series:
        window = [b for t, b in series if at < t <= at + 5]
        if at >= 80 and len(window) >= 9 and sum(window) / len(window) >= wanted:
            return at - 80
    return 120.0


@row("S-5.1", "Capacity that others have left", cost=90)
def freed(r):
    """Two paths of 20 Mb/s and 20 ms; five TCPs on the second from 40 to 80 s. How soon the connection has the second path
    again, and what it kept meanwhile."""
    took, kept = {}, {}
    for controller in NAMES:
        runs = r.sim("freed.toml", seeds=r.seeds(3), sets={"flow.mp.controller": controller})
        took[controller] = r.mean(recovery(run) for run in runs)
        kept[controller] = r.mean(b for run in runs for t, b in second_path(run) if 60 < t <= 80) / (20 * 1420 / 1500)
    r.check("BALIA is not slower than OLIA", took["balia"] <= took["olia"], ours=f"{took['balia']:.1f} s, OLIA {took['olia']:.1f} s",
            published="14.7 s, OLIA 58.5 s", source="draft-walid-04, Table 2", criterion="not more")
    r.check("LIA", took["lia"] <= 20, ours=f"{took['lia']:.1f} s", published="17.75 s", source="draft-walid-04, Table 2", criterion="at most 20 s")
    for controller in ("balia", "lia", "new_reno"):
        r.check(f"{NAMES[controller]}: share of the second path beside five TCPs", 1 / 8 <= kept[controller] <= 1 / 3,
                ours=f"{kept[controller]:.0%}", criterion="1/8 to 1/3", contested=None if controller == "new_reno" else FEW)
    r.plot("bars", "Seconds until the freed path is used again", y="s",
           series=[{"name": "", "x": [NAMES[c] for c in took], "y": list(took.values())}])


@row("S-5.2", "wVegas alone on two paths", cost=5)
def vegas_alone(r):
    """10 Mb/s and 50 ms each; ten packets in all shall wait, and both paths be full."""
    runs = r.sim("vegas_alone.toml", seeds=r.seeds(5))
    links = [run["links"][name]["forth"] for run in runs for name in ("one", "two")]
    waiting = r.mean(link["queue_mean_bytes"] for link in links) * 2 / 1500
    used = min(link["utilisation"] for link in links)
    r.check("Packets that wait, both paths", waiting <= 15, ours=f"{waiting:.1f}", criterion="at most 15")
    r.check("Both paths are used", used >= 0.9, ours=f"{used:.1%}", criterion="at least 90 %")


@row("S-5.3", "wVegas beside loss-based flows", cost=10)
def vegas_reno(r):
    """The same paths, each with a TCP."""
    runs = r.sim("vegas_reno.toml", seeds=r.seeds(5))
    mp = r.mean(run["groups"]["mp"]["goodput_bps"]["mean"] for run in runs)
    tcp = r.mean(run["groups"][g]["goodput_bps"]["mean"] for run in runs for g in ("tcp-one", "tcp-two"))
    fair = (mp + 2 * tcp) / 3
    r.check("What it keeps of a fair share", mp <= 0.5 * fair, ours=f"{mp / fair:.0%}", published="less able to use the links than the others",
            source="RFC 8041, §3.2", criterion="at most half")


@row("S-5.4", "wVegas along a chain of links", cost=60)
def vegas_chain(r):
    """The four links of S-1.2 with wVegas on all three flows: equal congestion makes equal rates."""
    runs = r.sim("vegas_chain.toml", seeds=r.seeds(3))
    rates = [r.mean(run["groups"][name]["goodput_bps"]["mean"] for run in runs) / 1e6 for name in "ABC"]
    r.check("Jain's index of A, B, C", r.jain(rates) >= 0.98, ours=f"{r.jain(rates):.3f}: " + " / ".join(f"{x:.1f}" for x in rates) + " Mb/s",
            criterion="at least 0.98")
