"""Handover, backup and mobility: what happens to a connection when a path fails silently, goes down, or is the only one."""

from reproduce import row


def gaps_near(run, begin, end):
    """The longest pause of application bytes, in seconds, that began between two instants."""
    return max([g["for_s"] for g in run["flows"][0]["gaps"]["list"] if begin <= g["at_s"] <= end], default=0)


def one_line(delays):
    return " ".join(f"{d:.0f}" for d in delays)


@row("S-7.1", "Requests while the path in use goes silent", fast=True, cost=5)
def requests(r):
    """A request each 250 ms; the initial path (40 ms) swallows everything from 3 to 5 s, the other has 30 ms."""
    seeds = r.seeds(10, fast=2)
    both = r.sim("requests.toml", seeds=seeds)
    worst = max(max(run["flows"][0]["delays"]["each_ms"][1:]) for run in both)
    r.check("both paths regular: no delay is longer than 60 ms", worst <= 60, ours=f"{worst:.0f} ms",
            published="no spike", source="SIGCOMM'20 tutorial", criterion="<= 60 ms, after the handshake")
    backup = r.sim("requests.toml", seeds=seeds, sets={"path.second.backup": True})
    each = [run["flows"][0]["delays"]["each_ms"][1:] for run in backup]
    worst = max(max(e) for e in each)
    late = max(sum(d > 60 for d in e) for e in each)
    rest = max(d for e in each for d in e if d <= 60)
    r.check("second path a backup: the worst delay", worst <= 700, ours=f"{worst:.0f} ms", criterion="<= 700 ms",
            published="one request pays the timeout, and so does the first answer", source="SIGCOMM'20 tutorial")
    r.check("second path a backup: requests that are late", late <= 2, ours=f"{late}", published="1 or 2",
            source="SIGCOMM'20 tutorial", criterion="<= 2")
    r.check("the others take a round trip", rest <= 60, ours=f"at most {rest:.0f} ms", published="30 to 40 ms",
            source="SIGCOMM'20 tutorial", criterion="<= 60 ms")
    r.check("the server answers where the request came in: no second timeout", worst <= 240 + 60, ours=f"{worst:.0f} ms",
            criterion="<= a timeout (240 ms) and 1.5 round trips")
    at = backup[0]["flows"][0]["delays"]["at_s"]
    r.plot("lines", "Delay of each request", x="s", y="ms",
           series=[{"name": "second path a backup", "x": at, "y": backup[0]["flows"][0]["delays"]["each_ms"]},
                   {"name": "both regular", "x": both[0]["flows"][0]["delays"]["at_s"],
                    "y": both[0]["flows"][0]["delays"]["each_ms"]}])


LOST = {"middlebox.1.chance": 1}


@row("S-7.3", "Three modes of a phone: all paths, a backup, one at a time", fast=True, cost=30)
def modes(r):
    """A download over Wi-Fi (8 Mb/s, 20 ms) and cellular (2 Mb/s, 100 ms); Wi-Fi goes down at 10 s, is back at 40 s."""
    seeds = r.seeds(5, fast=1)

    def worst(sets, scenario="modes.toml", begin=9.5, end=10.6):
        return max(gaps_near(run, begin, end) for run in r.sim(scenario, seeds=seeds, sets=sets))

    cellular = 0.1 + 0.2  # its round trip, with its queue full
    full = worst({})
    r.check("all paths, interface down: the gap", full <= cellular + 0.05, ours=f"{full * 1e3:.0f} ms",
            criterion="<= a round trip of the other path, its queue of 200 ms included, + 50 ms")
    silent = worst({}, "silent.toml")
    r.check("all paths, nobody is told: the gap", silent <= 0.5 + cellular, ours=f"{silent * 1e3:.0f} ms",
            criterion="<= the longest timeout (0.5 s) and a round trip")
    lost = worst(LOST)
    r.check("all paths, the REMOVE_ADDR is lost once: the gap", lost <= full + 0.5, ours=f"{lost * 1e3:.0f} ms",
            criterion="<= a timeout longer")
    backup = worst({"flow.download.path_manager": "backup"})
    r.check("backup, interface down: the gap", backup <= 2 * 0.1 + 0.05, ours=f"{backup * 1e3:.0f} ms",
            published="switches quickly", source="Cellnet 2012, qualitative", criterion="<= two round trips + 50 ms")
    for promotion in (0, 2):
        single = worst({"vars.promotion": promotion} if promotion else {"vars.promotion": 0.001}, "radio.toml")
        limit = promotion + 2.5 * 0.1 + 0.05
        r.check(f"one path at a time, the radio wakes up in {promotion} s: the gap", single <= limit,
                ours=f"{single * 1e3:.0f} ms", published="a drop while the interface is brought up",
                source="Cellnet 2012, qualitative", criterion=f"<= that and 2.5 round trips + 50 ms: {limit * 1e3:.0f} ms")


@row("S-7.5", "Break before make: nothing for a while, then another interface", fast=True, cost=20)
def nothing_for_a_while(r):
    """All subflows are gone for 1, 10 and 60 s; a new interface joins by the token."""
    for away in (1, 10, 60):
        runs = r.sim("radio.toml", seeds=r.seeds(5, fast=1),
                     sets={"vars.promotion": away, "duration": f"{20 + away} s"})
        worst = max(gaps_near(run, 9.5, 10.5) for run in runs)
        errors = [run["flows"][0]["error"] for run in runs if run["flows"][0]["error"]]
        rate = r.mean(run["flows"][0]["bytes"] for run in runs)
        r.check(f"away for {away} s: the connection lives, and no byte is missing or twice", not errors and rate > 0,
                ours=errors[0] if errors else "lives", criterion="no error")
        r.check(f"away for {away} s: data is back after", 0 < worst - away <= 0.25, ours=f"{(worst - away) * 1e3:.0f} ms",
                criterion="<= 2.5 round trips of the new path: 250 ms")
