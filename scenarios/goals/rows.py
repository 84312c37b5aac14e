"""RFC 6356's three goals: gain something, harm nobody, balance congestion."""

from reproduce import row

NAMES = {"new_reno": "Reno on each subflow", "ewtcp": "EWTCP", "lia": "LIA", "olia": "OLIA", "balia": "BALIA",
         "fully_coupled": "fully coupled"}
MODEL = "reference model"
LARGEST = """LIA's alpha takes the largest of the windows (RFC 6356 §3) where its fixed point has their mean; they go up and
down, and the more there are, the farther the largest of them is above the mean. Where each packet is lost with 0.5 %,
whatever is sent, 1, 2, 4 and 8 subflows with LIA take 0.95, 1.12, 1.10 and 1.28 of what a TCP takes, with BALIA 8 take 1.02.
In this scenario a queue overflows, which hits only some of the subflows each time and so halves a small part of the sum. What
was published ends at three subflows."""


def rate(run, group):
    """Of packets of 1000 bytes, in Mb/s: 920 bytes of each are payload beside timestamps and the mapping, 948 in a TCP."""
    spoken = next(f["protocol"] for f in run["flows"] if f["name"] == group)
    return run["groups"][group]["goodput_bps"]["mean"] / 1e6 * 1000 / (948 if spoken == "tcp" else 920)


def ratios(r, controller, n, seeds, duration="400 s"):
    runs = r.sim("shared.toml", seeds=seeds, sets={"flow.mp.controller": controller, "vars.n": n, "duration": duration})
    mp, tcp = r.mean(rate(run, "mp") for run in runs), r.mean(rate(run, "tcp") for run in runs)
    return mp / tcp, min(rate(run, "mp") / rate(run, "tcp") for run in runs)


@row("S-0.G2a", "Do no harm: two subflows and a TCP on one bottleneck", fast=True, cost=70)
def shared(r):
    """1000 packets a second of 1000 bytes, 100 ms; what the connection gets over what the TCP gets."""
    wanted = {"new_reno": (1.7, 2.2, "1.95"), "lia": (0.8, 1.15, "1.05"), "olia": (0.8, 1.15, "0.94"),
              "balia": (0.8, 1.15, "1.01"), "ewtcp": (0.8, 1.15, "0.99"), "fully_coupled": (0.8, 1.15, "1.08")}
    for controller in ["new_reno", "lia"] if r.fast else wanted:
        low, high, published = wanted[controller]
        mean, least = ratios(r, controller, 2, r.seeds(5, fast=2))
        r.check(NAMES[controller], low <= mean <= high, ours=f"{mean:.2f} (least {least:.2f})", published=published,
                source=MODEL, criterion=f"{low} to {high}")


@row("S-0.G2b", "Do no harm: any number of subflows", cost=80)
def number(r):
    """The same with 1, 2, 4 and 8 subflows."""
    counts = [1, 2, 4, 8]
    found = {c: [ratios(r, c, n, r.seeds(3), "300 s")[0] for n in counts] for c in ["lia", "new_reno", "olia", "balia"]}
    for n, ratio in zip(counts, found["lia"]):
        r.check(f"LIA, n = {n}", 0.7 <= ratio <= 1.2, ours=f"{ratio:.2f}", criterion="0.7 to 1.2",
                published="the same for n of 1 to 3", source="Raiciu et al., NETWORKING 2011",
                contested=LARGEST if n > 3 else None)
    for controller in ["olia", "balia"]:
        worst = max(found[controller])
        r.check(f"{NAMES[controller]}, 1 to 8 subflows", min(found[controller]) >= 0.7 and worst <= max(1.2, found["lia"][3]),
                ours=" ".join(f"{x:.2f}" for x in found[controller]), criterion="0.7 or more, and not more than LIA or 1.2")
    reno = found["new_reno"]
    r.check("Reno on each subflow grows with n", reno == sorted(reno) and reno[3] >= 5, ours=" ".join(f"{x:.1f}" for x in reno),
            criterion="ascending, 5 or more for 8 subflows")
    r.plot("lines", "What n subflows take, in shares of a TCP", x="subflows", y="connection / TCP",
           series=[{"name": NAMES[c], "x": counts, "y": found[c]} for c in found])


def plateaus(run, flow):
    """Mean rates from 3 s after each change until the next, in Mb/s."""
    series = next(f for f in run["flows"] if f["name"] == flow)["series"]
    out = []
    for begin in range(0, 50, 10):
        inside = [b for t, b in zip(series["t_s"], series["goodput_bps"]) if begin + 3 < t <= begin + 10 and b is not None]
        out.append(sum(inside) / len(inside) / 1e6 if inside else 0.0)
    return out


@row("S-0.G2c", "Two links that TCPs come to and leave", cost=40)
def timeline(r):
    """Two links of 20 Mb/s, 20 and 80 ms. Reno on each subflow shares each link fairly with the TCP that comes; with four
    subflows on each it does not, and coupled rules do."""
    seeds = r.seeds(3)
    runs = r.sim("timeline.toml", seeds=seeds)
    most = 20 * 1420 / 1500
    found = [r.mean(values) for values in zip(*(plateaus(run, "mp") for run in runs))]
    for at, ours, wanted in zip(["alone", "TCP on the first", "TCPs on both", "TCP on the second", "alone again"], found,
                                [2 * most, 1.5 * most, most, 1.5 * most, 2 * most]):
        r.check(f"The connection, {at}", abs(ours - wanted) <= 0.1 * wanted, ours=f"{ours:.1f} Mb/s",
                published=f"{wanted / most * 20:.0f} Mb/s on the wire", source="tutorial at SIGCOMM 2020, section 5",
                criterion=f"{wanted:.1f} Mb/s of payload, within 10 %")
    for controller in ["lia", "olia", "new_reno"]:
        runs = r.sim("timeline.toml", seeds=seeds, sets={"vars.n": 4, "flow.mp.controller": controller})
        one = r.mean(r.mean(plateaus(run, "tcp-one")[1:3]) for run in runs) / most
        two = r.mean(r.mean(plateaus(run, "tcp-two")[2:4]) for run in runs) / most
        said = f"{one:.0%}, {two:.0%}"
        if controller == "new_reno":
            r.check("Four subflows a link, Reno on each: the TCPs' shares", max(one, two) <= 0.25, ours=said,
                    published="about a fifth", source="tutorial at SIGCOMM 2020, section 5", criterion="at most 25 %")
        else:
            r.check(f"Four subflows a link, {NAMES[controller]}: the TCPs' shares", min(one, two) >= 0.35, ours=said,
                    published="about half" if controller == "olia" else "",
                    source="tutorial at SIGCOMM 2020, section 5" if controller == "olia" else "", criterion="at least 35 %")
    one = r.sim("timeline.toml", seeds=[1])[0]
    r.plot("lines", "Rates, Reno on each of two subflows", x="s", y="Mb/s",
           series=[{"name": f["name"], "x": f["series"]["t_s"], "y": [(b or 0) / 1e6 for b in f["series"]["goodput_bps"]]}
                   for f in one["flows"]])


@row("S-0.G1a", "Improve throughput: losses that depend on nobody", fast=True, cost=10)
def loss(r):
    """Wi-Fi of 10 ms with 4 % loss and 3G of 100 ms with 1 %, whatever is sent. A TCP has a rate of √(2/p)/rtt at best; the
    best is Wi-Fi's."""
    seeds = r.seeds(5, fast=2)

    def packets(sets):
        return r.mean(rate(run, "f") for run in r.sim("loss.toml", seeds=seeds, sets=sets)) * 1e6 / 8000

    tcp = {"protocol": "tcp", "controller": "new_reno"}
    wifi = packets({f"flow.f.{k}": v for k, v in tcp.items()})
    cellular = packets({**{f"flow.f.{k}": v for k, v in tcp.items()}, "flow.f.paths": '["cellular"]'})
    best = max(wifi, cellular)
    r.check("TCP on Wi-Fi, on 3G", wifi > 2 * cellular, ours=f"{wifi:.0f}, {cellular:.0f} packets/s", published="434, 101",
            source=MODEL, criterion="Wi-Fi more than twice 3G")
    for controller, low, high, published in [("lia", 0.85, 9, "0.91"), ("ewtcp", 0, 0.65, "0.56"),
                                             ("fully_coupled", 0, 0.75, "0.63")]:
        ours = packets({"flow.f.controller": controller}) / best
        r.check(f"{NAMES[controller]} over the best TCP", low <= ours <= high, ours=f"{ours:.2f}", published=published,
                source=MODEL, criterion=f"at least {low}" if low else f"at most {high}")


@row("S-0.G1b", "Improve throughput: two links, each shared with a TCP", cost=250)
def grid(r):
    """The first link has 400 packets a second and 100 ms; the second's rate and delay vary. What the connection gets over what
    it would get as a TCP on the better of the two."""
    seeds = r.seeds(2)
    rates, delays = [100, 200, 400, 800, 1600], [12, 50, 100, 200, 800]
    found = {c: {} for c in ["lia", "ewtcp", "fully_coupled"]}
    for c2 in rates:
        for rtt2 in delays:
            cell = {"vars.c2": c2, "vars.rtt2": rtt2}

            def get(**sets):
                return r.mean(rate(run, "m") for run in r.sim("grid.toml", seeds=seeds, sets={**cell, **sets}))

            tcp = {"flow.m.protocol": "tcp", "flow.m.controller": "new_reno"}
            best = max(get(**tcp), get(**tcp, **{"flow.m.paths": '["m-two"]'}))
            for controller in found:
                found[controller][c2, rtt2] = get(**{"flow.m.controller": controller}) / best
    lia = found["lia"]
    mean = {c: r.mean(found[c].values()) for c in found}
    r.check("LIA, mean over all cells", mean["lia"] >= 1, ours=f"{mean['lia']:.2f}", published="1.01 to 1.03", source=MODEL,
            criterion="at least 1")
    worst = min((lia[c], c) for c in lia if c[1] <= 200)
    r.check("LIA, worst cell with up to 200 ms", worst[0] >= 0.9, ours=f"{worst[0]:.2f} at {worst[1][0]} packets/s, {worst[1][1]} ms",
            published="at least 0.9", source=MODEL, criterion="at least 0.9")
    other = max(mean["ewtcp"], mean["fully_coupled"])
    r.check("LIA before EWTCP and fully coupled", mean["lia"] - other >= 0.05,
            ours=f"{mean['lia']:.2f} against {mean['ewtcp']:.2f} and {mean['fully_coupled']:.2f}", published="1.02, 0.92, 0.91",
            source=MODEL, criterion="by 0.05 or more")
    r.plot("lines", "LIA over the better TCP, by the second link", x="rtt of the second link, ms", y="ratio", log="x",
           series=[{"name": f"{c2} packets/s", "x": delays, "y": [lia[c2, d] for d in delays]} for c2 in rates])
