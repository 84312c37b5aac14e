"""Khalili, Gast, Popovic, Upadhyay and Le Boudec, CoNEXT 2012: what LIA takes from others without gain."""

from reproduce import row

NAMES = {"lia": "LIA", "olia": "OLIA", "balia": "BALIA", "new_reno": "TCP"}
DERIVED = "LIA's fixed point"
# z = sqrt of the ratio of the loss rates; see scenarios' names for n1, n2, c1, c2.
THEORY_A = {(1, 0.75): 0.750, (3, 0.75): 0.486, (1, 1): 0.739, (2, 1): 0.590, (3, 1): 0.500, (1, 1.5): 0.750, (3, 1.5): 0.539}
THEORY_C = {(1, 1): (1.296, 0.704), (2, 1): (1.217, 0.566), (3, 1): (1.172, 0.485), (1, 2): (1.117, 0.765), (3, 2): (1.071, 0.572)}


def share(run, group, capacity):
    """Of packets of 1500 bytes; 1420 bytes of each are payload, 1448 in a TCP."""
    spoken = next(f["protocol"] for f in run["flows"] if f["name"] == group)
    return run["groups"][group]["goodput_bps"]["mean"] * 1500 / (1448 if spoken == "tcp" else 1420) / 1e6 / capacity


def upgraded(r, scenario, controller, n, c1, c2=8):
    sets = {"flow.type1.controller": controller, "vars.n1": 5 * n, "vars.c1": c1 * c2}
    runs = r.sim(scenario, seeds=r.seeds(3), sets=sets)
    return [r.mean(share(run, "type1", c1 * c2) for run in runs), r.mean(share(run, "type2", c2) for run in runs)]


@row("S-4.A", "Upgraded users behind a server, others at an access point", cost=130)
def scenario_a(r):
    """N1 users have all they can get from their server, and yet send over the access point of N2 others. What the others
    keep of their share, by N1/N2 and C1/C2; 8 Mb/s a user, 150 ms, RED."""
    others = {}
    for (n, c1), wanted in THEORY_A.items():
        own, other = upgraded(r, "upgrade_a.toml", "lia", n, c1)
        others[n, c1] = other
        r.check(f"LIA, N1/N2 = {n}, C1/C2 = {c1}: the others' share", abs(other - wanted) <= 0.1, ours=f"{other:.2f}",
                published=f"{wanted:.2f}", source=DERIVED, criterion="within 0.10")
        if (n, c1) == (3, 1):
            r.check("The upgraded gain nothing", own <= 1.01, ours=f"{own:.2f} of C1", criterion="at most C1")
    for controller in ("olia", "balia"):
        other = upgraded(r, "upgrade_a.toml", controller, 3, 1)[1]
        said = f"{other:.2f} against LIA's {others[3, 1]:.2f}"
        if controller == "olia":
            r.check("OLIA, N1/N2 = 3, C1/C2 = 1: the others' share", other >= others[3, 1] + 0.05, ours=said, criterion="0.05 more than LIA's")
        else:
            r.check("BALIA, N1/N2 = 3, C1/C2 = 1: the others' share", other >= others[3, 1] - 0.02, ours=said, criterion="not less than LIA's")


@row("S-4.C", "Upgraded users with an access point of their own", cost=90)
def scenario_c(r):
    """The upgraded have an access point of N1 C1 for themselves and also use that of the N2 others."""
    others = {}
    for (n, c1), (_, wanted) in THEORY_C.items():
        own, other = upgraded(r, "upgrade_c.toml", "lia", n, c1)
        others[n, c1] = other
        r.check(f"LIA, N1/N2 = {n}, C1/C2 = {c1}: the others' share", abs(other - wanted) <= 0.1,
                ours=f"{other:.2f} (the upgraded: {own:.2f} of C1)", published=f"{wanted:.2f}", source=DERIVED, criterion="within 0.10")
    for controller in ("olia", "balia"):
        other = upgraded(r, "upgrade_c.toml", controller, 1, 1)[1]
        more = 0.05 if controller == "olia" else -0.02
        r.check(f"{NAMES[controller]}, N1/N2 = 1, C1/C2 = 1: the others' share", other >= others[1, 1] + more,
                ours=f"{other:.2f} against LIA's {others[1, 1]:.2f}",
                criterion="0.05 more than LIA's" if controller == "olia" else "not less than LIA's")


@row("S-4.B", "Four providers: everybody upgrades, everybody loses", cost=90)
def scenario_b(r):
    """15 blue connections over X (27 Mb/s) and T (36 Mb/s); 15 red users over T, then also over X and T. Aggregate of all
    before and after the red ones' upgrade."""
    loss = {}
    for controller in ("lia", "olia", "balia"):
        def total(protocol):
            sets = {"flow.blue.controller": controller, "flow.red.controller": controller if protocol == "mptcp" else "new_reno",
                    "flow.red.protocol": protocol}
            return r.mean(15 * (share(run, "blue", 1) + share(run, "red", 1)) for run in r.sim("upgrade_b.toml", seeds=r.seeds(3), sets=sets))
        before, after = total("tcp"), total("mptcp")
        loss[controller] = 1 - after / before, f"{before:.1f} to {after:.1f} Mb/s: {after / before - 1:+.1%}"
    r.check("LIA", 0.07 <= loss["lia"][0] <= 0.18, ours=loss["lia"][1], published="63.0 to 53.9 Mb/s: -14 %", source=DERIVED,
            criterion="7 % to 18 % less")
    r.check("OLIA", loss["olia"][0] <= 0.8 * loss["lia"][0], ours=loss["olia"][1], criterion="at most 0.8 of LIA's loss")
    r.check("BALIA", loss["balia"][0] <= loss["lia"][0] + 0.01, ours=loss["balia"][1], criterion="not more than LIA's loss")
