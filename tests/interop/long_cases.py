"""Much data over two bad paths: 2 % lost, 20 % overtaken, 2 % twice, each way. What must hold is every byte, no fallback,
and no counter of damage; how fast it goes is for the reader. The short version runs with the core."""
import time

from harness import expect, topology
from kernel_cases import (Fetch, check_sockets_end, curl, end_our_server, goodput, kernel_server, our_server, url)

# Short paths, so that congestion control gets somewhere at this loss: its rate goes with one over the round trip.
BAD = {"rates": ("400Mbps", "200Mbps"), "delays": ("1ms", "2ms")}
FAULTS = ("loss=2%", "reorder=20%", "duplicate=2%")
DAMAGE = ("DataCsumErr", "Corruption", "Fallback", "InfiniteMap", "MPFail", "DSSNotMatching", "NoMatchTCP", "HMacFailure",
          "JoinRejected", "NoTokenFound", "SYNTXDrop", "SYNTXDisabled", "Blackhole")


def spoil_links(lab):
    for link in ("path1", "path2"):
        lab.set(link, *FAULTS)


def check_no_damage(lab, host):
    moved = {name: value for name, value in lab.counters(host).items()
             if value and name.startswith("MPTcpExt") and any(word in name for word in DAMAGE)}
    expect(not moved, f"the kernel counted {moved}")


def fetch(lab, megabytes):
    name, digest = kernel_server(lab, megabytes)
    spoil_links(lab)
    report = Fetch(lab, url("v4", name), digest=digest, capture=megabytes < 100).wait(1500)
    lab.run.note(f"  {megabytes} MB fetched in {report['seconds']:.1f} s: {report['goodput_bits_per_second'] / 1e6:.1f} Mb/s")
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    carried = {one["interface"] for one in report["subflows"] if one["bytes_received"] > 1000 * megabytes}
    expect(carried == {"path1", "path2"}, f"only {carried} carried data: {report['subflows']}")
    check_sockets_end(lab, "server", 30)
    check_no_damage(lab, "server")


def serve(lab, megabytes):
    server, name, digest = our_server(lab, megabytes, capture=megabytes < 100)
    spoil_links(lab)
    before = lab.received("client")
    seconds = curl(lab, url("v4", name), digest, timeout=1500)
    lab.run.note(f"  {megabytes} MB served in {seconds:.1f} s: {goodput(megabytes * 1e6, seconds):.1f} Mb/s")
    got = {link: count - before[link] for link, count in lab.received("client").items()}
    expect(min(got.values()) > 1000 * megabytes, f"a path carried next to nothing: {got}")
    check_sockets_end(lab, "client", 30)
    check_no_damage(lab, "client")
    time.sleep(0.2)
    entries = end_our_server(lab, server)
    expect(len(entries) == 1 and entries[0]["protocol"] == "mptcp" and entries[0]["complete"],
           f"the access log says {entries}")


def run_all(run, core_only=False):
    bad = topology("v4", **BAD)
    for size, megabytes in (("20MB", 20),) if core_only else (("20MB", 20), ("1GB", 1000)):
        run.case(f"long.{size}.ours-fetches", lambda lab: fetch(lab, megabytes), bad)
        run.case(f"long.{size}.ours-serves", lambda lab: serve(lab, megabytes), bad)
