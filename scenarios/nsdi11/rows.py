"""Wischik, Raiciu, Greenhalgh and Handley, NSDI 2011: what coupling is for."""

from reproduce import row

NAMES = {"new_reno": "Reno on each subflow", "ewtcp": "EWTCP", "lia": "LIA", "olia": "OLIA", "balia": "BALIA",
         "fully_coupled": "fully coupled"}
MODEL = "reference model"


def rate(run, group, size=1000):
    """Of packets of `size` bytes, in Mb/s: all but 80 bytes of each are payload beside the mapping, all but 52 in a TCP."""
    spoken = next(f["protocol"] for f in run["flows"] if f["name"] == group)
    return run["groups"][group]["goodput_bps"]["mean"] / 1e6 * size / (size - (52 if spoken == "tcp" else 80))


@row("S-1.1", "A triangle of links, one hop or two", cost=120)
def triangle(r):
    """Traffic on a path of two hops takes from two others. The less of it, the more for all: 12 Mb/s each at best. Rates
    are of packets of 1000 bytes on the wire."""
    found = {}
    for controller in ["new_reno", "ewtcp", "lia", "olia", "balia", "fully_coupled"]:
        runs = r.sim("triangle.toml", seeds=r.seeds(3), sets={"flow.*.controller": controller})
        found[controller] = r.mean(rate(run, f"f{i}") for run in runs for i in (1, 2, 3))
    for controller, low, high, published in [("ewtcp", 8, 9.8, "9.3"), ("lia", 10, 11.8, "10.9"),
                                             ("fully_coupled", 11.2, 12.1, "11.6")]:
        r.check(f"{NAMES[controller]}, a flow", low <= found[controller] <= high, ours=f"{found[controller]:.1f} Mb/s",
                published=f"{published} Mb/s", source=MODEL, criterion=f"{low} to {high} Mb/s")
    r.check("EWTCP < LIA < fully coupled", found["ewtcp"] < found["lia"] < found["fully_coupled"],
            ours=", ".join(f"{NAMES[c]} {x:.1f}" for c, x in found.items()))


@row("S-1.2", "Four links in a chain", cost=150)
def four_links(r):
    """Links of 5, 12, 10 and 3 Mb/s; flow A has the first two, B the middle two, C the last two. Equal congestion means
    10 Mb/s for each."""
    found = {}
    for controller in ["ewtcp", "lia", "olia", "balia", "fully_coupled"]:
        runs = r.sim("four_links.toml", seeds=r.seeds(4), sets={"flow.*.controller": controller})
        found[controller] = [r.mean(rate(run, name) for run in runs) for name in "ABC"]

    def said(controller):
        return " / ".join(f"{x:.1f}" for x in found[controller])

    r.check("EWTCP, A / B / C", all(abs(x - y) <= 0.6 for x, y in zip(found["ewtcp"], (11, 11, 8))), ours=said("ewtcp"),
            published="10.9 / 11.2 / 7.7", source=MODEL, criterion="11 / 11 / 8, within 0.6 Mb/s")
    r.check("LIA: the smallest flow, and the total", min(found["lia"]) >= min(found["ewtcp"]) + 0.3 and sum(found["lia"]) >= 28,
            ours=said("lia"), published="10.2 / 10.8 / 8.4", source=MODEL, criterion="0.3 Mb/s above EWTCP's; 28 Mb/s")
    spread = max(found["fully_coupled"]) - min(found["fully_coupled"])
    r.check("Fully coupled: all alike", spread <= 1, ours=said("fully_coupled"), published="8.7 / 8.8 / 8.3", source=MODEL,
            criterion="within 1 Mb/s")
    r.check("OLIA and BALIA: the smallest flow", min(found["olia"] + found["balia"]) >= min(found["ewtcp"]),
            ours=f"{said('olia')}; {said('balia')}", criterion="not below EWTCP's")


@row("S-1.3", "A server with two access links", cost=200)
def server(r):
    """100 Mb/s each; 5 TCPs on the first, 15 on the second, 10 connections over both. All alike would be 6.67 Mb/s."""
    found, split = {}, {}
    for controller in ["new_reno", "ewtcp", "lia", "olia", "balia", "fully_coupled"]:
        runs = r.sim("server.toml", seeds=r.seeds(3), sets={"flow.mp.controller": controller})
        found[controller] = [r.mean(rate(run, g, 1500) for run in runs) for g in ("t1", "t2", "mp")]
        paths = [run["groups"]["mp"]["paths"] for run in runs]
        split[controller] = sum(p["mp-1"]["rate_bps"] for p in paths) / max(1, sum(p["mp-2"]["rate_bps"] for p in paths))

    def spread(controller):
        values = found[controller]
        return (max(values) - min(values)) / (sum(values) / 3)

    def said(controller):
        return " / ".join(f"{x:.1f}" for x in found[controller])

    r.check("LIA: (largest - smallest) / mean of the three groups", spread("lia") <= 0.55, ours=f"{spread('lia'):.2f}: {said('lia')} Mb/s",
            published="8.1 / 4.8 / 8.0 Mb/s", source=MODEL, criterion="at most 0.55")
    r.check("... is smaller than EWTCP's", spread("lia") < spread("ewtcp"), ours=f"EWTCP {spread('ewtcp'):.2f}: {said('ewtcp')} Mb/s",
            published="9.4 / 4.6 / 7.7 Mb/s", source=MODEL)
    r.check("LIA sends more over the first link", split["lia"] >= 2, ours=f"{split['lia']:.1f} times as much", criterion="twice or more")
    r.plot("bars", "Rates of the three groups", y="Mb/s",
           series=[{"name": label, "x": [NAMES[c] for c in found], "y": [found[c][i] for c in found]}
                   for i, label in enumerate(["TCP on the first", "TCP on the second", "over both"])])


@row("S-1.4", "A ring of links, one of them slower", cost=170)
def torus(r):
    """Five links of 1000 packets a second and five flows over two neighbours each; the third link has 100 or 250 only. The
    index is Jain's over the flows; the ratio of losses compares the first link with the slow one: 1 would be balance."""
    controllers = ["new_reno", "ewtcp", "lia", "olia", "balia", "fully_coupled"]
    fair, loss = {}, {}
    for c in (100, 250):
        for controller in controllers:
            runs = r.sim("torus.toml", seeds=r.seeds(3), sets={"flow.*.controller": controller, "vars.c": c})
            fair[c, controller] = r.mean(r.jain(rate(run, f"f{i}") for i in range(1, 6)) for run in runs)
            far = sum(run["links"]["l5"]["forth"]["loss_ratio"] + run["links"]["l1"]["forth"]["loss_ratio"] for run in runs) / 2
            loss[c, controller] = far / sum(run["links"]["l3"]["forth"]["loss_ratio"] for run in runs)
    for c, published in ((100, "0.95 to 0.97 and 0.930"), (250, "0.982 to 0.984 and 0.954")):
        gain = fair[c, "lia"] - fair[c, "ewtcp"]
        r.check(f"LIA's and EWTCP's index, slow link {c}", gain >= 0.015, ours=f"{fair[c, 'lia']:.3f} and {fair[c, 'ewtcp']:.3f}",
                published=published, source=MODEL, criterion="0.015 apart or more")
    ours = [loss[100, x] for x in ("fully_coupled", "lia", "ewtcp")]
    r.check("Losses elsewhere over losses on the slow link: fully coupled > LIA > EWTCP", ours == sorted(ours, reverse=True),
            ours=", ".join(f"{x:.3f}" for x in ours), published="0.23, 0.08, 0.008", source=MODEL)
    r.plot("bars", "Jain's index over five flows", y="", series=[
        {"name": f"slow link {c}", "x": [NAMES[x] for x in controllers], "y": [fair[c, x] for x in controllers]} for c in (100, 250)])


@row("S-1.5", "Bursts on one of two links", cost=90)
def bursts(r):
    """Two links of 8000 packets a second (64 Mb/s) and 2 ms; bursts of 9000 a second come and go on the top one, 10 ms in
    110. What the connection gets of each link. As in the reference model, each packet is acknowledged at once."""
    published = {"ewtcp": (84.7, 100.0), "lia": (82.5, 99.9), "fully_coupled": (54.6, 99.4), "new_reno": (85.8, 100.0)}
    for controller in [*published, "olia", "balia"]:
        runs = r.sim("bursts.toml", seeds=r.seeds(5), sets={"flow.mp.controller": controller})
        paths = [run["groups"]["mp"]["paths"] for run in runs]
        ours = [100 * r.mean(p[name]["rate_bps"] for p in paths) / (64e6 * 920 / 1000) for name in ("mp-top", "mp-bottom")]
        said = f"{ours[0]:.1f} % / {ours[1]:.1f} %"
        if controller in published:
            wanted = published[controller]
            r.check(f"{NAMES[controller]}, top / bottom", all(abs(x - y) <= 2 for x, y in zip(ours, wanted)), ours=said,
                    published=f"{wanted[0]} % / {wanted[1]} %", source=MODEL, criterion="within 2 percentage points")
        else:
            r.check(f"{NAMES[controller]}, top / bottom", ours[1] >= 98, ours=said, criterion="98 % of the free link")
