"""Against the kernel under odd conditions: bad links, small buffers, missing options, paths that come and go by the
path manager's will, peers that hang up or dawdle. What must hold each time: every byte, and clean ends."""
import signal
import time

from harness import expect, need, sha256, topology
from kernel_cases import (COMPLAINTS, FAST, PORT, Fetch, check_counters, check_sockets_end, curl, end_our_server,
                          kernel_server, mptcpize, our_server, url)

# On links that lose, the kernel may well see joins and options again; what it must never see:
NEVER = ("DataCsumErr", "DSSCorruptionFallback", "DSSCorruptionReset", "DssFallback", "MPCapableDataFallback",
         "FallbackFailed", "MPJoinSynAckHMacFailure", "MPJoinAckHMacFailure", "MPFailTx", "InfiniteMapTx")


def both_ways(lab, megabytes=10):
    """A download each way, with the lab as it is."""
    name, digest = kernel_server(lab, megabytes)
    report = Fetch(lab, url("v4", name), digest=digest).wait()
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    lab.stop(lab.processes[0])
    check_sockets_end(lab, "server", 15)
    check_counters(lab, "server", {}, NEVER)
    server, name, digest = our_server(lab, megabytes)
    seconds = curl(lab, url("v4", name), digest)
    lab.run.note(f"  fetched in {report['seconds']:.1f} s, served in {seconds:.1f} s")
    check_sockets_end(lab, "client", 15)
    check_counters(lab, "client", {}, NEVER)
    return end_our_server(lab, server)


def bad_links(lab):
    for link in ("path1", "path2"):
        lab.set(link, "loss=1%", "reorder=2%", "duplicate=1%", "jitter=3ms")
    both_ways(lab)


def kernel_sysctl(settings):
    def work(lab):
        for name, value in settings.items():
            for host in ("client", "server"):
                lab.sysctl(host, name, value)
        both_ways(lab)
    return work


def one_sided_checksum(lab):
    """The kernel asks for checksums, we do not: one side is enough (RFC 8684, section 3.1)."""
    for host in ("client", "server"):
        lab.sysctl(host, "net.mptcp.checksum_enabled", 1)
    both_ways(lab)


def our_checksum_only(lab):
    name, digest = kernel_server(lab, 20)
    report = Fetch(lab, url("v4", name), "--checksum", digest=digest).wait()
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    lab.stop(lab.processes[0])
    check_counters(lab, "server", {}, COMPLAINTS)
    server, name, digest = our_server(lab, 20, "--checksum")
    curl(lab, url("v4", name), digest)
    check_counters(lab, "client", {}, COMPLAINTS)
    end_our_server(lab, server)


def by_interface(report):
    out = {}
    for one in report["subflows"]:
        out[one["interface"]] = out.get(one["interface"], 0) + one["bytes_received"]
    return out


def backup_endpoint(lab):
    """The server announces its second address as backup: it carries next to nothing while the first path is there."""
    lab.do("server", "ip", "mptcp", "endpoint", "flush")
    lab.do("server", "ip", "mptcp", "endpoint", "add", "10.0.2.1", "signal", "backup")
    name, digest = kernel_server(lab, 20)
    report = Fetch(lab, url("v4", name), digest=digest).wait()
    got = by_interface(report)
    lab.run.note(f"  {got}")
    expect(got.get("path2", 0) < 0.05 * 20e6, f"the backup path carried {got}")


def endpoint_removed(lab):
    """The kernel withdraws its second address in the middle (RM_ADDR): the transfer goes on over the first path."""
    name, digest = kernel_server(lab, 20)
    fetch = Fetch(lab, url("v4", name), digest=digest)
    time.sleep(1.5)
    lab.do("server", "ip", "mptcp", "endpoint", "flush")
    report = fetch.wait()
    ended = [one for one in report["subflows"] if one["interface"] == "path2"]
    expect(ended and all(one["state"] != "active" for one in ended), f"path2 is still in use: {report['subflows']}")
    check_sockets_end(lab, "server")


def endpoint_added(lab):
    """The kernel announces its second address only in the middle."""
    lab.do("server", "ip", "mptcp", "endpoint", "flush")
    name, digest = kernel_server(lab, 20)
    fetch = Fetch(lab, url("v4", name), digest=digest)
    time.sleep(1.2)
    lab.do("server", "ip", "mptcp", "endpoint", "add", "10.0.2.1", "signal")
    report = fetch.wait()
    expect(by_interface(report).get("path2", 0) > 1e6, f"path2 was not used: {report['subflows']}")
    check_counters(lab, "server", {"MPJoinAckRx": 1})


def client_hangs_up(lab):
    """curl is killed in the middle; our server notices, ends that connection and serves the next."""
    need("curl")
    server, name, digest = our_server(lab, 40)
    client = lab.start("client", *mptcpize(True), "curl", "-sS", "--noproxy", "*", "-o", "/dev/null", url("v4", name))
    time.sleep(1.5)
    lab.stop(client, signal.SIGKILL)
    curl(lab, url("v4", name), digest)
    check_sockets_end(lab, "client")
    entries = end_our_server(lab, server)
    expect([entry["complete"] for entry in entries] == [False, True], f"the access log says {entries}")


def client_dawdles(lab):
    """A client that reads slowly: our window's other end. Nothing is lost, and the server waits."""
    need("curl")
    server, name, digest = our_server(lab, 10)
    out = lab.folder / "got.out"
    client = lab.start("client", *mptcpize(True), "curl", "-sS", "--noproxy", "*", "--limit-rate", "3M", "-o", out,
                       url("v4", name))
    client.wait(30)
    expect(client.returncode == 0, f"curl: status {client.returncode}", client.log.read_text())
    expect(sha256(out) == digest, "the file differs from what was served")
    check_counters(lab, "client", {}, COMPLAINTS)
    end_our_server(lab, server)


def we_dawdle(lab):
    """We read nothing for three seconds, so that our window closes, and go on then."""
    name, digest = kernel_server(lab, 40)
    out = lab.folder / "got.out"
    command = f"{lab.run.program} get -q -o - {url('v4', name)} | (sleep 3; cat) > {out}"
    lab.do("client", "bash", "-c", "set -o pipefail; " + command, timeout=40)
    expect(sha256(out) == digest, "the file differs from what was served")
    check_sockets_end(lab, "server")
    check_counters(lab, "server", {}, COMPLAINTS)


def all_paths_gone(lab):
    """Both paths are holes for two seconds: nothing moves, nothing breaks."""
    name, digest = kernel_server(lab, 20)
    fetch = Fetch(lab, url("v4", name), digest=digest)
    time.sleep(1)
    for link in ("path1", "path2"):
        lab.set(link, "loss=100%")
    time.sleep(2)
    for link in ("path1", "path2"):
        lab.set(link, "loss=0%")
    report = fetch.wait()
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")


def join_is_blocked(lab):
    """The second path is a hole from the start: the transfer does not care."""
    lab.set("path2", "loss=100%")
    name, digest = kernel_server(lab, 10)
    Fetch(lab, url("v4", name), digest=digest).wait()
    lab.stop(lab.processes[0])
    server, name, digest = our_server(lab, 10)
    curl(lab, url("v4", name), digest)
    end_our_server(lab, server)


def many_at_once(lab):
    """Six of our downloads at the same time, from one kernel server."""
    name, digest = kernel_server(lab, 10)
    outs = [lab.folder / f"got{i}.out" for i in range(6)]
    gets = [lab.start("client", lab.run.program, "get", "-q", "-o", out, url("v4", name)) for out in outs]
    for get, out in zip(gets, outs):
        get.wait(60)
        expect(get.returncode == 0, f"get: status {get.returncode}: {get.log.read_text().strip()}")
        expect(sha256(out) == digest, "the file differs from what was served")
    check_sockets_end(lab, "server")
    check_counters(lab, "server", {"MPCapableSYNRX": 6, "MPCapableACKRX": 6}, NEVER)


def ours_with_ours(lab):
    """This program at both ends."""
    server, name, digest = our_server(lab, 40)
    report = Fetch(lab, url("v4", name), digest=digest).wait()
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    got = by_interface(report)
    lab.run.note(f"  {got}, {report['goodput_bits_per_second'] / 1e6:.1f} Mb/s")
    expect(min(got.get("path1", 0), got.get("path2", 0)) > 1e6, f"a path carried next to nothing: {got}")
    entries = end_our_server(lab, server)
    expect(len(entries) == 1 and entries[0]["complete"], f"the access log says {entries}")


def run_all(run):
    shaped, fast, case = topology("v4"), topology("v4", **FAST), run.case
    case("odd.bad-links", bad_links, fast)
    case("odd.no-timestamps", kernel_sysctl({"net.ipv4.tcp_timestamps": 0}), fast)
    case("odd.no-sack", kernel_sysctl({"net.ipv4.tcp_sack": 0}), fast)
    case("odd.no-window-scaling", kernel_sysctl({"net.ipv4.tcp_window_scaling": 0}), fast)
    case("odd.small-buffers", kernel_sysctl({"net.ipv4.tcp_rmem": "4096 16384 65536",
                                             "net.ipv4.tcp_wmem": "4096 16384 65536"}), fast)
    case("odd.syn-cookies", kernel_sysctl({"net.ipv4.tcp_syncookies": 2}), fast)
    case("odd.ecn", kernel_sysctl({"net.ipv4.tcp_ecn": 1}), fast)
    case("odd.small-mtu", both_ways, fast.replace('queue = "1bdp"', 'queue = "1bdp"\nmtu = 1280'))
    case("odd.checksum-theirs", one_sided_checksum, fast)
    case("odd.checksum-ours", our_checksum_only, fast)
    case("odd.backup", backup_endpoint, fast)
    case("odd.endpoint-removed", endpoint_removed, shaped)
    case("odd.endpoint-added", endpoint_added, shaped)
    case("odd.client-hangs-up", client_hangs_up, shaped)
    case("odd.client-dawdles", client_dawdles, fast)
    case("odd.we-dawdle", we_dawdle, fast)
    case("odd.all-paths-gone", all_paths_gone, shaped)
    case("odd.join-blocked", join_is_blocked, fast)
    case("odd.six-at-once", many_at_once, fast)
    case("odd.ours-with-ours", ours_with_ours, shaped)
