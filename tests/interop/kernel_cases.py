"""Transfers against the kernel's Multipath TCP and plain TCP, each way, and what the kernel counted.

`ours-fetches` is `anabranch get` from a stock server of the kernel; `ours-serves` is curl against `anabranch serve`.
The kernel's MPTCP counters are the oracle: its side must have seen what it was meant to see, and nothing it complains of.
"""
import json
import signal
import subprocess
import time

from harness import HERE, Failed, expect, expect_rate, need, python, sha256, topology

PORT = 8080
SHAPED = {}  # the rates of two-path: 40 and 20 Mb/s
FAST = {"rates": ("300Mbps", "150Mbps"), "delays": ("5ms", "10ms")}  # where the rate is not what is tested

# Counters (without MPTcpExt) that must not move in a transfer over clean paths.
COMPLAINTS = ("DataCsumErr", "DSSNotMatching", "DSSCorruptionFallback", "DSSCorruptionReset", "DSSNoMatchTCP",
              "MPCapableFallbackACK", "MPCapableFallbackSYNACK", "MPFallbackTokenInit", "MPCapableDataFallback",
              "MD5SigFallback", "DssFallback", "SimultConnectFallback", "FallbackFailed", "MPCapableSYNTXDrop",
              "MPCapableSYNTXDisabled", "MPJoinNoTokenFound", "MPJoinSynAckHMacFailure", "MPJoinAckHMacFailure",
              "MPJoinRejected", "MPJoinSynTxCreatSkErr", "MPJoinSynTxBindErr", "MPJoinSynTxConnectErr",
              "MPJoinPortSynRx", "MismatchPortSynRx", "MismatchPortAckRx", "InfiniteMapTx", "InfiniteMapRx", "MPFailTx",
              "MPFailRx", "MPFastcloseTx", "MPFastcloseRx", "MPRstTx", "MPRstRx", "NoDSSInWindow", "AddAddrDrop",
              "AddAddrTxDrop", "EchoAddTxDrop", "RmAddrDrop", "Blackhole")
# What a server of the kernel counts for one connection with one more subflow, and a client.
SERVER_SAW = {"MPCapableSYNRX": 1, "MPCapableACKRX": 1, "MPJoinSynRx": 1, "MPJoinAckRx": 1}
CLIENT_SAW = {"MPCapableSYNTX": 1, "MPCapableSYNACKRX": 1, "MPJoinSynTx": 1, "MPJoinSynAckRx": 1}


def check_counters(lab, host, wanted, complaints=COMPLAINTS):
    counters = lab.counters(host)
    wrong = [f"{name}={counters.get('MPTcpExt' + name, 0)} (expected {value})" for name, value in wanted.items()
             if counters.get("MPTcpExt" + name, 0) != value]
    wrong += [f"{name}={counters['MPTcpExt' + name]} (expected 0)" for name in complaints
              if counters.get("MPTcpExt" + name, 0) != 0]
    expect(not wrong, "the kernel counted " + ", ".join(wrong))


def check_sockets_end(lab, host, patience=6.0):
    """The kernel must have nothing open in the end: every close was understood."""
    deadline = time.monotonic() + patience
    while left := lab.sockets(host):
        expect(time.monotonic() < deadline, f"{len(left)} MPTCP sockets left at the kernel", "\n".join(left))
        time.sleep(0.2)


def address(family):
    return {"v6": "[fd00:1::1]"}.get(family, "10.0.1.1")


def url(family, name):
    return f"http://{address(family)}:{PORT}/{name}"


def mptcpize(multipath):
    if multipath:
        need("mptcpize")
    return ["mptcpize", "run"] if multipath else []


def kernel_server(lab, megabytes, multipath=True):
    folder, name, digest = lab.run.file(megabytes)
    server = lab.start("server", *mptcpize(multipath), *python("-m", "http.server", "--bind", "::", PORT), cwd=folder,
                       log="http.server.log")
    lab.wait_listening("server", PORT, server)
    return name, digest


class Fetch:
    """`anabranch get` in the background: started, then waited for."""

    def __init__(self, lab, where, *options, digest=None, capture=True):
        self.lab, self.digest = lab, digest
        self.out = lab.folder / "got.out"
        self.command = [lab.run.program, "get", where, "-o", self.out, "--json", "--stall-timeout", "20", *options]
        if capture:
            self.command += ["--pcap", lab.folder / "get.pcapng"]
        self.began = time.monotonic()
        self.process = lab.start("client", *self.command, log="get.log")

    def wait(self, timeout=60):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.lab.stop(self.process, signal.SIGINT)
            raise Failed(f"get did not end within {timeout} s", self.log()) from None
        expect(self.process.returncode == 0, f"get: status {self.process.returncode}: {self.log().strip()}")
        self.lab.processes.remove(self.process)
        report = json.loads([line for line in self.log().splitlines() if line.startswith("{")][-1])
        if self.digest:
            expect(sha256(self.out) == self.digest, "the file differs from what was served")
            expect(report["sha256"] == self.digest, "get reports another digest than the file's")
        return report

    def log(self):
        return self.process.log.read_text(errors="replace")


def our_server(lab, megabytes, *options, capture=True):
    folder, name, digest = lab.run.file(megabytes)
    if capture:
        options = ("--pcap", lab.folder / "serve.pcapng", *options)
    server = lab.start("server", lab.run.program, "serve", folder, "-p", PORT, "--json-log", *options, log="serve.log")
    for _ in range(100):
        if "listening on" in server.log.read_text():
            return server, name, digest
        expect(server.poll() is None, f"serve: {server.log.read_text().strip()}")
        time.sleep(0.05)
    raise Failed("serve does not say that it listens", server.log.read_text())


def curl(lab, where, digest, multipath=True, timeout=60):
    """Seconds that curl took. Without a proxy, whatever the environment says."""
    need("curl")
    out = lab.folder / "got.out"
    done = lab.do("client", *mptcpize(multipath), "curl", "-sS", "--noproxy", "*", "-g", "-o", out, "-m", timeout, "-w",
                  "%{time_total}", where, timeout=timeout + 5)
    expect(sha256(out) == digest, "the file differs from what was served")
    return float(done.stdout)


def served_log(server):
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def end_our_server(lab, server):
    """The access log; the server must end by itself when asked to."""
    server.send_signal(signal.SIGTERM)
    server.wait(5)
    lab.processes.remove(server)
    expect(server.returncode == 0, f"serve: status {server.returncode} after SIGTERM", server.log.read_text()[-1000:])
    return served_log(server)


def check_both_paths(lab, before, size):
    got = {link: count - before[link] for link, count in lab.received("client").items()}
    lab.run.note("  " + ", ".join(f"{link} {count / 1e6:.1f} MB" for link, count in got.items()))
    expect(min(got.values()) >= 0.05 * size, f"a path carried next to nothing: {got}")


def checksum_on(lab):
    for host in ("client", "server"):
        lab.sysctl(host, "net.mptcp.checksum_enabled", 1)


def goodput(size, seconds):
    return size * 8 / seconds / 1e6


# --- transfers

def ours_fetches(lab, family, megabytes, checksum=False):
    if checksum:
        checksum_on(lab)
    name, digest = kernel_server(lab, megabytes)
    before = lab.received("client")
    report = Fetch(lab, url(family, name), *(["--checksum"] if checksum else []), digest=digest).wait()
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    expect(len(report["subflows"]) == 2, f"{len(report['subflows'])} subflows: {report['subflows']}")
    check_both_paths(lab, before, megabytes * 1e6)
    check_sockets_end(lab, "server")
    check_counters(lab, "server", SERVER_SAW)
    return report


def ours_serves(lab, family, megabytes, checksum=False):
    if checksum:
        checksum_on(lab)
    server, name, digest = our_server(lab, megabytes, *(["--checksum"] if checksum else []))
    # IPv4 over an IPv6 socket, so that the kernel may join over IPv6 as well.
    where = f"http://[::ffff:10.0.1.1]:{PORT}/{name}" if family == "mixed" else url(family, name)
    before = lab.received("client")
    seconds = curl(lab, where, digest)
    check_both_paths(lab, before, megabytes * 1e6)
    check_sockets_end(lab, "client")
    check_counters(lab, "client", CLIENT_SAW)
    time.sleep(0.2)
    entries = end_our_server(lab, server)
    expect(len(entries) == 1 and entries[0]["protocol"] == "mptcp" and entries[0]["complete"],
           f"the access log says {entries}")
    return seconds


def main_fetch(lab):
    """100 MB and at least 90 % of the two rates together."""
    report = ours_fetches(lab, "v4", 100)
    rate = report["goodput_bits_per_second"] / 1e6
    lab.run.note(f"  goodput {rate:.1f} Mb/s of 60")
    expect_rate(rate >= 54, f"goodput {rate:.1f} Mb/s, 54 expected")


def main_serve(lab):
    seconds = ours_serves(lab, "v4", 100)
    rate = goodput(100e6, seconds)
    lab.run.note(f"  goodput {rate:.1f} Mb/s of 60")
    expect_rate(rate >= 54, f"goodput {rate:.1f} Mb/s, 54 expected")


def loss_fetch(lab):
    """With 1 % loss on path 2 while the kernel sends. Its scheduler binds data to the lossy path that all else then
    waits for, with room in our window: how much that costs is luck, and its own client fares no better. The figures are
    for the reader; the bound only catches a window that closes or acknowledgements that come late."""
    name, digest = kernel_server(lab, 40)
    lab.set("path2", "loss=1%")
    alone = Fetch(lab, url("v4", name), "--path", "path1", digest=digest, capture=False).wait()
    both = Fetch(lab, url("v4", name), digest=digest).wait()
    alone, both = (one["goodput_bits_per_second"] / 1e6 for one in (alone, both))
    lab.run.note(f"  path1 alone {alone:.1f} Mb/s, with path2 at 1 % loss {both:.1f} Mb/s")
    expect_rate(both >= 0.6 * alone, f"{both:.1f} Mb/s with both paths, {alone:.1f} with path1 alone")


def loss_serve(lab):
    """With 1 % loss on path 2, at least what path 1 alone gives: here our scheduler decides."""
    lab.set("path2", "loss=1%")
    server, name, digest = our_server(lab, 60, "--path", "path1")
    alone = goodput(60e6, curl(lab, url("v4", name), digest))
    end_our_server(lab, server)
    server, name, digest = our_server(lab, 60)
    both = goodput(60e6, curl(lab, url("v4", name), digest))
    end_our_server(lab, server)
    lab.run.note(f"  path1 alone {alone:.1f} Mb/s, with path2 at 1 % loss {both:.1f} Mb/s")
    expect_rate(both >= alone, f"{both:.1f} Mb/s with both paths, {alone:.1f} with path1 alone")


# --- plain TCP

def tcp_fetch(lab, multipath_kernel):
    lab.sysctl("server", "net.mptcp.enabled", int(multipath_kernel))
    name, digest = kernel_server(lab, 20, multipath=False)
    report = Fetch(lab, url("v4", name), digest=digest).wait()
    expect(report["protocol"] == "tcp", f"protocol {report['protocol']} with a plain TCP server")
    expect(report["fallback_reason"], "no reason for the fallback is reported")
    lab.run.note(f"  reason: {report['fallback_reason']}")
    check_counters(lab, "server", {"MPCapableSYNRX": 0, "MPCapableACKRX": 0})


def tcp_serve(lab):
    lab.sysctl("client", "net.mptcp.enabled", 0)
    server, name, digest = our_server(lab, 20)
    curl(lab, url("v4", name), digest, multipath=False)
    time.sleep(0.2)
    entries = end_our_server(lab, server)
    expect(len(entries) == 1 and entries[0]["protocol"] == "tcp", f"the access log says {entries}")


def no_multipath_fetch(lab):
    name, digest = kernel_server(lab, 20)
    report = Fetch(lab, url("v4", name), "--no-multipath", digest=digest).wait()
    expect(report["protocol"] == "tcp", f"protocol {report['protocol']} with --no-multipath")
    check_counters(lab, "server", {"MPCapableSYNRX": 0})


# --- a path goes and comes back

CUTS = {"carrier": ("down", "up"), "blackhole": ("loss=100%", "loss=0%")}


def cut_and_heal(lab, kind, wait):
    """Path 1 goes at 2.5 s for 3 s; returns what path1 carried after that, until `wait()` returned."""
    cut, heal = CUTS[kind]
    time.sleep(2.5)
    lab.set("path1", cut)
    at_cut = lab.received("client")
    time.sleep(3)
    at_heal = lab.received("client")
    lab.set("path1", heal)
    result = wait()
    at_end = lab.received("client")
    while_cut, after = (at_heal["path2"] - at_cut["path2"]) / 1e6, (at_end["path1"] - at_heal["path1"]) / 1e6
    lab.run.note(f"  path2 carried {while_cut:.1f} MB while path1 was cut, path1 {after:.1f} MB after it healed")
    expect(while_cut >= 3, f"path2 carried only {while_cut:.1f} MB in the 3 s of the cut")
    expect(after >= 1, f"path1 carried only {after:.2f} MB after it healed")
    return result


def cut_fetch(lab, kind):
    name, digest = kernel_server(lab, 80)
    fetch = Fetch(lab, url("v4", name), digest=digest)
    report = cut_and_heal(lab, kind, fetch.wait)
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    check_sockets_end(lab, "server", 15)


def cut_serve(lab, kind):
    need("curl")
    server, name, digest = our_server(lab, 80)
    out = lab.folder / "got.out"
    client = lab.start("client", *mptcpize(True), "curl", "-sS", "--noproxy", "*", "-o", out, "-m", "60", url("v4", name))

    def wait():
        client.wait(60)
        expect(client.returncode == 0, f"curl: status {client.returncode}: {client.log.read_text().strip()}")
        expect(sha256(out) == digest, "the file differs from what was served")
    cut_and_heal(lab, kind, wait)
    check_sockets_end(lab, "client", 15)
    end_our_server(lab, server)


# --- several at once, and one after the other

def many_fetches(lab):
    """Ten small downloads in a row: each opens and closes cleanly."""
    name, digest = kernel_server(lab, 1)
    for _ in range(10):
        report = Fetch(lab, url("v4", name), digest=digest, capture=False).wait()
        expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    check_sockets_end(lab, "server")
    check_counters(lab, "server", {"MPCapableSYNRX": 10, "MPCapableACKRX": 10},
                   [c for c in COMPLAINTS if not c.startswith("MPJoin")])  # a join may come too late for 1 MB


def many_clients(lab):
    """Eight of the kernel's clients at the same time."""
    server, name, digest = our_server(lab, 10)
    need("curl")
    outs = [lab.folder / f"got{i}.out" for i in range(8)]
    clients = [lab.start("client", *mptcpize(True), "curl", "-sS", "--noproxy", "*", "-o", out, "-m", "60",
                         url("v4", name)) for out in outs]
    for client, out in zip(clients, outs):
        client.wait(60)
        expect(client.returncode == 0, f"curl: status {client.returncode}: {client.log.read_text().strip()}")
        expect(sha256(out) == digest, "the file differs from what was served")
    check_sockets_end(lab, "client")
    check_counters(lab, "client", {"MPCapableSYNTX": 8, "MPCapableSYNACKRX": 8})
    time.sleep(0.2)
    entries = end_our_server(lab, server)
    expect(len(entries) == 8 and all(e["protocol"] == "mptcp" for e in entries), f"the access log says {entries}")


def run_all(run):
    shaped, case = topology("v4"), run.case
    case("ours-fetches.v4.100MB", main_fetch, topology("both"))
    case("ours-serves.v4.100MB", main_serve, topology("both"))
    for family in ("v4", "v6", "mixed"):
        for checksum in (False, True):
            if family == "v4" and not checksum:
                continue  # that is the 100 MB case
            suffix = family + (".checksum" if checksum else "")
            fast = topology(family, **FAST)
            case(f"ours-fetches.{suffix}", lambda lab: ours_fetches(lab, family, 40, checksum), fast)
            case(f"ours-serves.{suffix}", lambda lab: ours_serves(lab, family, 40, checksum), fast)
    fast = topology("v4", **FAST)
    case("ours-fetches.tcp.kernel-without-mptcp", lambda lab: tcp_fetch(lab, False), fast)
    case("ours-fetches.tcp.plain-server", lambda lab: tcp_fetch(lab, True), fast)
    case("ours-fetches.tcp.no-multipath", no_multipath_fetch, fast)
    case("ours-serves.tcp", tcp_serve, fast)
    case("ours-fetches.ten-in-a-row", many_fetches, fast)
    case("ours-serves.eight-at-once", many_clients, fast)
    case("ours-fetches.loss", loss_fetch, shaped)
    case("ours-serves.loss", loss_serve, shaped)
    for kind in CUTS:
        case(f"ours-fetches.cut.{kind}", lambda lab: cut_fetch(lab, kind), shaped)
        case(f"ours-serves.cut.{kind}", lambda lab: cut_serve(lab, kind), shaped)
