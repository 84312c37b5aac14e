"""Boxes on the path between us and the kernel (docs/guide/lab.md, "Middleboxes"): every byte must arrive, in the mode
that the box leaves, and the kernel must have counted just what it was meant to see."""
from harness import expect, topology
from kernel_cases import (FAST, Fetch, check_counters, check_sockets_end, curl, end_our_server, kernel_server, our_server,
                          url)

MEGABYTES = 5
# Counters of the kernel that a box which is transparent must leave alone.
QUIET = ("DataCsumErr", "DSSNotMatching", "DSSCorruptionFallback", "DSSCorruptionReset", "MPCapableFallbackACK",
         "MPCapableFallbackSYNACK", "MPCapableDataFallback", "DssFallback", "FallbackFailed", "InfiniteMapTx",
         "InfiniteMapRx", "MPFailTx", "MPFailRx", "MPJoinSynAckHMacFailure", "MPJoinAckHMacFailure", "MPJoinNoTokenFound")
JOINED = {"MPCapableSYNRX": 1, "MPCapableACKRX": 1, "MPJoinSynRx": 1, "MPJoinAckRx": 1}
OURS_JOINED = {"MPCapableSYNTX": 1, "MPCapableSYNACKRX": 1, "MPJoinSynTx": 1, "MPJoinSynAckRx": 1}


def put(lab, boxes):
    for link, box in boxes.items():
        lab.set(link, f"middlebox={box}")


def we_fetch(boxes, counted, protocol="mptcp", reason=None, quiet=(), options=()):
    """A download by us from the kernel's server past these boxes. `counted`: of the server's kernel, exactly."""
    def work(lab):
        put(lab, boxes)
        name, digest = kernel_server(lab, MEGABYTES)
        report = Fetch(lab, url("v4", name), *options, digest=digest).wait()
        expect(report["protocol"] == protocol, f"{report['protocol']}, {report.get('fallback_reason')}; not {protocol}")
        if reason:
            expect(report["fallback_reason"] == reason, f"fallback for {report['fallback_reason']}, not {reason}")
        check_sockets_end(lab, "server", 15)
        check_counters(lab, "server", counted, quiet)
    return work


def we_serve(boxes, counted, quiet=(), options=()):
    """A download by the kernel's client from us past these boxes. `counted`: of the client's kernel, exactly."""
    def work(lab):
        put(lab, boxes)
        server, name, digest = our_server(lab, MEGABYTES, *options)
        curl(lab, url("v4", name), digest)
        check_sockets_end(lab, "client", 15)
        check_counters(lab, "client", counted, quiet)
        entries = end_our_server(lab, server)
        expect(len(entries) == 1 and entries[0]["complete"], f"the access log says {entries}")
    return work


def run_all(run):
    fast, case = topology("v4", **FAST), run.case
    both = lambda box: {"path1": box, "path2": box}
    none_seen = {"MPCapableSYNRX": 0, "MPCapableACKRX": 0, "MPJoinSynRx": 0}
    case("box.fetch.strip-all", we_fetch(both("strip-all"), none_seen, "tcp", "peer_refused"), fast)
    case("box.fetch.strip-syn-ack", we_fetch({"path1": "strip-capable-syn-ack"}, {
        "MPCapableSYNRX": 1, "MPCapableFallbackACK": 1, "MPJoinSynRx": 0}, "tcp", "peer_refused"), fast)
    case("box.fetch.strip-after-syn", we_fetch({"path1": "strip-after-syn"}, {
        "MPCapableSYNRX": 1, "MPCapableFallbackACK": 1, "MPJoinSynRx": 0}, "tcp", "no_dss_from_peer"), fast)
    case("box.fetch.strip-join", we_fetch({"path2": "strip-join"}, {
        "MPCapableSYNRX": 1, "MPCapableACKRX": 1, "MPJoinSynRx": 0, "MPJoinAckRx": 0}, quiet=QUIET), fast)
    case("box.fetch.strip-add-addr", we_fetch({"path1": "strip-add-addr:back"}, {
        "MPCapableACKRX": 1, "MPJoinSynRx": 0, "EchoAdd": 0}, quiet=QUIET), fast)
    case("box.fetch.shift-isn", we_fetch(both("shift-isn"), JOINED, quiet=QUIET), fast)
    case("box.fetch.shift-isn-not-sack", we_fetch(both("shift-isn-not-sack"), JOINED, quiet=QUIET), fast)
    case("box.fetch.nat", we_fetch(both("nat"), JOINED, quiet=QUIET), fast)
    case("box.fetch.split", we_fetch(both("split-copy-all"), JOINED, quiet=QUIET), fast)
    case("box.fetch.replay", we_fetch(both("replay"), {"MPCapableACKRX": 1}, quiet=QUIET), fast)
    case("box.serve.strip-all", we_serve(both("strip-all"), {
        "MPCapableSYNTX": 1, "MPCapableSYNACKRX": 0, "MPCapableFallbackSYNACK": 1, "MPJoinSynTx": 0}), fast)
    case("box.serve.strip-syn-ack", we_serve({"path1": "strip-capable-syn-ack"}, {
        "MPCapableSYNTX": 1, "MPCapableSYNACKRX": 0, "MPCapableFallbackSYNACK": 1, "MPJoinSynTx": 0}), fast)
    case("box.serve.strip-join", we_serve({"path2": "strip-join:back"}, {
        "MPCapableSYNACKRX": 1, "MPJoinSynAckRx": 0}, quiet=QUIET), fast)
    case("box.serve.shift-isn", we_serve(both("shift-isn"), OURS_JOINED, quiet=QUIET), fast)
    case("box.serve.nat", we_serve(both("nat"), OURS_JOINED, quiet=QUIET), fast)
    case("box.serve.split", we_serve(both("split-copy-all"), OURS_JOINED, quiet=QUIET), fast)
    case("box.serve.hold", we_serve(both("hold-above-holes"), OURS_JOINED, quiet=QUIET), fast)
    case("box.serve.window-scale", we_serve({"path1": "strip-window-scale"}, {"MPCapableSYNACKRX": 1}, quiet=QUIET), fast)
