"""What RFC 8041 section 3 tells of subflows, addresses, closing and servers, as criteria."""

from reproduce import row


@row("S-11/3.4", "Full mesh of two and three addresses", fast=True, cost=10)
def mesh(r):
    """RFC 8041 §3.3, §3.4: six pairs; a limit; an interface that goes and comes back; two switches, two subnets."""
    for limit in (8, 4, 3):
        runs = r.sim("mesh.toml", seeds=r.seeds(5, fast=1), sets={"flow.mesh.max_subflows": limit})
        alive = {run["flows"][0]["subflows_alive"] for run in runs}
        wanted = min(6, limit)
        r.check(f"at most {limit}: subflows at the end, after an interface has come back", alive == {wanted},
                ours=", ".join(map(str, sorted(alive))), published=str(wanted), source="RFC 8041, section 3.4",
                criterion="exactly")
    r.check("figure 3: with `same_subnet` two subflows that share no link", r.gtest("mptcp_test", "PathRules.ASubnetOfOurs*"),
            ours="two", published="2", source="RFC 8041, figure 3", criterion="test of the path manager's table")


@row("S-11/3.5", "Joins to another port", fast=True, cost=2)
def ports(r):
    """RFC 8041 §3.5: a port announced by ADD_ADDR takes joins by their token, whatever listens there."""
    for what, script in (("a join to an announced port is taken by its token", "*announced_port_is_for_joins_only*"),
                         ("a join with an unknown token is answered with an RST", "*server_unknown_token*"),
                         ("an announcement with a port is joined there", "*add_addr_in_with_port*")):
        holds = r.gtest("stack_test", script)
        r.check(what, holds, ours="yes" if holds else "no", source="RFC 8041, section 3.5", criterion="packet script")


@row("S-11/3.6", "Who closes, and who keeps TIME-WAIT", fast=True, cost=5)
def closing(r):
    """RFC 8041 §3.6: the server finishes first, so the client is left without a trace of its subflows."""
    holds = r.gtest("sim_test", "Story.AThousandShortConnections*")
    r.check("short connections that the server ends leave no subflow in TIME-WAIT at the client", holds,
            ours="none of 1000" if holds else "some", source="RFC 8041, section 3.6", criterion="0")


@row("S-11/3.9", "No path that nobody announced", fast=True, cost=2)
def names(r):
    """RFC 8041 §3.9: a host's addresses are joined only if the connection itself has announced them."""
    runs = r.sim("mesh.toml", seeds=r.seeds(3, fast=1), sets={"flow.mesh.announce": False})
    remotes = {path["remote"] for run in runs for path in run["flows"][0]["paths"]}
    r.check("without ADD_ADDR only the address that was connected to is used", len(remotes) == 1,
            ours=f"{len(remotes)} address", criterion="1", source="RFC 8041, section 3.9")


@row("S-11/3.11", "SYN cookies and lost third ACKs", fast=True, cost=20)
def cookies(r):
    """RFC 8041 §3.11: in version 0 a lost third ACK costs a stateless server its Multipath TCP, in version 1 not."""
    points = {"0": [], "1": []}
    for version in points:
        for chance in (0, 0.05, 0.1, 0.2):
            runs = r.sim("cookies.toml", seeds=r.seeds(3, fast=1),
                         sets={"middlebox.1.chance": chance, "flow.short.versions": f'"{version}"'})
            flows = [flow for run in runs for flow in run["flows"]]
            points[version].append((chance, r.mean(flow["protocol"] == "tcp" for flow in flows)))
            if version == "1":
                unfinished = sum(flow["error"] is not None for flow in flows)
                r.check(f"version 1, {chance:.0%} lost: connections that are plain TCP", points[version][-1][1] == 0,
                        ours=f"{points[version][-1][1]:.1%}", published="0", source="RFC 8684, appendix F",
                        criterion="none")
                r.check(f"version 1, {chance:.0%} lost: connections that fail", unfinished == 0, ours=str(unfinished),
                        criterion="none")
    worst = max(abs(share - chance) for chance, share in points["0"])
    r.check("version 0: the share of plain TCP is about that of lost third ACKs", worst <= 0.08,
            ours=", ".join(f"{share:.0%} at {chance:.0%}" for chance, share in points["0"]), published="about p",
            source="RFC 8041, section 3.11", criterion="within 8 percentage points")
    r.plot("lines", "Connections that are plain TCP", x="third ACKs lost", y="share",
           series=[{"name": f"version {v}", "x": [p[0] for p in points[v]], "y": [p[1] for p in points[v]]} for v in points])


@row("S-11/3.12", "A load balancer in front of eight servers", fast=True, cost=5)
def balancer(r):
    """RFC 8041 §3.12: joins to a virtual address go to any server; flag C and an address of each server's own help."""
    naive = r.gtest("sim_test", "Balancer.JoinsToTheVirtualAddress*")
    r.check("joins to the virtual address mostly miss their server", naive, ours="yes" if naive else "no",
            published="1 of 8 finds it", source="RFC 8041, section 3.12", criterion="simulated test")
    good = r.gtest("sim_test", "Balancer.WithTheFlag*")
    r.check("with flag C and an announced address each join finds its server, and none goes to the virtual one", good,
            ours="all" if good else "not all", published="all", source="RFC 8684, section 3.1", criterion="simulated test")


@row("S-11/4", "Attacks on joins and announcements", fast=True, cost=5)
def attacks(r):
    """RFC 8041 §4: wrong tokens and MACs, replays, announcements without a MAC: refused, counted, and nothing kept."""
    for what, test in (("a stranger who knows the addresses disturbs nothing", "Attack.ABlindStranger*"),
                       ("a replayed proof opens no subflow", "Attack.AReplayedProof*"),
                       ("a replay of a whole connection makes none", "Attack.AReplayOfAWhole*"),
                       ("guessed announcements open no path", "Attack.GuessedAnnouncements*")):
        holds = r.gtest("sim_test", test)
        r.check(what, holds, ours="yes" if holds else "no", source="RFC 8041, section 4", criterion="simulated test")
