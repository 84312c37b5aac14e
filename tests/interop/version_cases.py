"""Versions of MPTCP that do not meet: the kernel speaks version 1 only (RFC 8684), we can be told to speak version 0.

Both ways the answer is plain TCP (RFC 8684 §3.1): a SYN of the other version is none that its listener understands. The
last case is the way round it: who speaks both asks for version 1 first.
"""
import time

import kernel_cases
from harness import expect, topology
from kernel_cases import COMPLAINTS, Fetch, check_counters, curl, end_our_server, kernel_server, our_server, url

MEGABYTES = 5


def version_0_fetch(lab):
    """The kernel takes no notice of MP_CAPABLE with a key on the SYN."""
    name, digest = kernel_server(lab, MEGABYTES)
    report = Fetch(lab, url("v4", name), "--mptcp-version", "0", digest=digest).wait()
    expect(report["protocol"] == "tcp" and report["version"] is None, f"{report['protocol']} with a kernel of version 1")
    expect(report["fallback_reason"] == "peer_refused", f"reason {report['fallback_reason']}")
    expect(len(report["subflows"]) == 1, f"subflows: {report['subflows']}")
    check_counters(lab, "server", {"MPCapableSYNRX": 0, "MPCapableACKRX": 0, "MPJoinSynRx": 0})


def version_0_serve(lab):
    """We take no notice of MP_CAPABLE without a key on the SYN."""
    server, name, digest = our_server(lab, MEGABYTES, "--mptcp-version", "0")
    curl(lab, url("v4", name), digest)
    expected = "MPCapableFallbackSYNACK"
    check_counters(lab, "client", {"MPCapableSYNTX": 1, expected: 1, "MPJoinSynTx": 0},
                   [name for name in COMPLAINTS if name != expected])
    time.sleep(0.2)
    entries = end_our_server(lab, server)
    expect(len(entries) == 1 and entries[0]["protocol"] == "tcp" and entries[0]["version"] is None,
           f"the access log says {entries}")


def both_versions_fetch(lab):
    name, digest = kernel_server(lab, MEGABYTES)
    report = Fetch(lab, url("v4", name), "--mptcp-version", "both", digest=digest).wait()
    expect(report["protocol"] == "mptcp" and report["version"] == 1, f"{report['protocol']} {report['version']}")
    check_counters(lab, "server", kernel_cases.SERVER_SAW)


def run_all(run):
    fast, case = topology("v4", **kernel_cases.FAST), run.case
    case("ours-fetches.version-0", version_0_fetch, fast)
    case("ours-serves.version-0", version_0_serve, fast)
    case("ours-fetches.both-versions", both_versions_fetch, fast)
