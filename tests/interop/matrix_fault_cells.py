"""Cells in which packets are lost, doubled, overtaken, changed or stripped of their options; and closed windows."""
import hashlib
import time

import rules
from harness import expect
from matrix import Cell
from matrix_cells import CHECKSUMS, PLAYS, ROLES, SMALL, both_ways, client_first, join, orderly
from rules import Change, Lose, Overtaken, Twice, both, corrupt, is_data, is_data_fin, nth, sent_by, strip

ALL = 1 << 30


def repeated(times):
    """What the kernel counts when a SYN/ACK comes again although it is connected: a challenge ACK each (RFC 5961)."""
    return {"TcpInErrs": times, "TcpExtTCPChallengeACK": times, "TcpExtTCPSYNChallenge": times}


REPEATED = repeated(1)


def loss_cells():
    """Each of the first packets of a connection is lost once."""
    for role, connects in ROLES.items():
        for number in range(1, 9):
            for play in ("eager", "server-first", "no-data"):
                # The third ACK lost: our SYN/ACK comes again to a kernel that is connected, unless data came first.
                tcp = REPEATED if number == 3 and not connects and play != "eager" else {}
                yield Cell(join(role, f"lose-{number}", play), PLAYS[play], connects, tcp_counted=tcp,
                           rules=lambda n=number: [Lose(nth(n))])
        for count in (2, 3):
            yield Cell(join(role, f"lose-{count}-third-acks", "client-first"), client_first, connects,
                       tcp_counted={} if connects else repeated(count),
                       rules=lambda n=count: [Lose(rules.is_third_ack, n)])
        for what, condition in (("data-fin", is_data_fin), ("fin", lambda p: p.has_flags(rules.FIN))):
            for sender in ("ours", "kernel"):
                yield Cell(join(role, f"lose-{what}-from-{sender}", "client-first"), client_first, connects,
                           rules=lambda c=condition, s=sender: [Lose(both(c, sent_by(s)))])
        for every in (3, 7):
            for sums in ("", "checksum"):
                ours, kernel = CHECKSUMS[sums]
                yield Cell(join(role, sums, f"lose-every-{every}th-data", "both-ways"), both_ways, connects, ours=ours,
                           kernel=kernel, checksum=bool(sums), delay=0.002,
                           rules=lambda n=every: [Every(n, is_data, lambda p: [])])


class Every:
    """Does `work` to every n-th packet of which the condition holds, once with each place in the stream."""

    def __init__(self, n, condition, work):
        self.n, self.condition, self.work, self.count, self.seen = n, condition, work, 0, set()

    def __call__(self, packet):
        place = (packet.sender, packet.link, packet.source, packet.destination, packet.seq)
        if not self.condition(packet) or place in self.seen:
            return None
        self.seen.add(place)
        self.count += 1
        return self.work(packet) if self.count % self.n == 0 else None


def order_cells():
    """Packets that overtake each other, and packets that come twice."""
    for role, connects in ROLES.items():
        for play in ("eager", "server-first", "both-ways"):
            for by in (1, 2, 3):
                # A kernel that has nothing to say is silent until our SYN/ACK comes again; ours that is late may be too
                # old by its timestamp.
                tcp = {"TcpExtPAWSEstab": None} if connects else REPEATED if play != "eager" else {}
                yield Cell(join(role, f"third-ack-overtaken-by-{by}", play), PLAYS[play], connects, tcp_counted=tcp,
                           rules=lambda n=by: [Overtaken(rules.is_third_ack, n)])
            for sender in ("ours", "kernel"):
                yield Cell(join(role, f"first-data-of-{sender}-overtaken", play), PLAYS[play], connects,
                           rules=lambda s=sender: [Overtaken(both(is_data, sent_by(s)), 2)])
        for what, condition in (("syn", rules.is_syn), ("syn-ack", rules.is_syn_ack), ("third-ack", rules.is_third_ack),
                                ("first-data", is_data), ("data-fin", is_data_fin)):
            # SACKDiscard: we report what came twice (RFC 2883), and the kernel has not sent it twice.
            tcp = {("syn-ack", False): REPEATED, ("first-data", False): {"TcpExtTCPSACKDiscard": 1}}
            yield Cell(join(role, f"{what}-twice", "client-first"), client_first, connects,
                       tcp_counted=tcp.get((what, connects), {}),
                       rules=lambda c=condition: [Twice(c)])
        yield Cell(join(role, "everything-twice", "both-ways"), both_ways, connects,
                   our_counted={"dropped_not_for_us": None, "strays_reset": None},  # the second of the last ones
                   tcp_counted={"TcpExtTCPSACKDiscard": None, **({} if connects else {**REPEATED, "TcpOutRsts": None})},
                   rules=lambda: [Twice(lambda p: True, ALL)])
        for every in (2, 5):
            yield Cell(join(role, f"every-{every}nd-data-late", "both-ways"), both_ways, connects, delay=0.001,
                       rules=lambda n=every: [Late(n)])


class Late:
    """Every n-th data packet of a sender waits until another has passed."""

    def __init__(self, n):
        self.n, self.count, self.held = n, {}, {}

    def __call__(self, packet):
        who = packet.sender, packet.link
        held = self.held.pop(who, None)
        if held is not None:
            return [packet, held]
        if is_data(packet):
            self.count[who] = self.count.get(who, 0) + 1
            if self.count[who] % self.n == 0 and not packet.has_flags(rules.FIN):
                self.held[who] = packet
                return []
        return None


def nth_data(sender, n):
    """The n-th packet with data that this end sends for the first time."""
    seen = []

    def holds(packet):
        if packet.sender != sender or not packet.payload:
            return False
        if packet.seq not in seen:
            seen.append(packet.seq)
        return seen.index(packet.seq) == n - 1
    return holds


def after_syns(sender=None):
    return lambda packet: sender in (None, packet.sender) and not packet.has_flags(rules.SYN)


# What is stripped, when ours connects and when the kernel does: our reason to fall back (empty: nobody does), and what
# the kernel counts beside what it usually does. Without super-segments each of our packets has a mapping of its own.
NO_ACKRX, NO_SYNACKRX, NO_SYNRX = {"MPCapableACKRX": 0}, {"MPCapableSYNACKRX": 0}, {"MPCapableSYNRX": 0}
STRIPPED = {
    "everything": (lambda: lambda p: True, ("peer_refused", {**NO_SYNRX, **NO_ACKRX}),
                   ("peer_did_not_offer", {**NO_SYNACKRX, "MPCapableFallbackSYNACK": 1})),
    "syn": (lambda: rules.is_syn, ("peer_refused", {**NO_SYNRX, **NO_ACKRX}),
            ("peer_did_not_offer", {**NO_SYNACKRX, "MPCapableFallbackSYNACK": 1})),
    "syn-ack": (lambda: rules.is_syn_ack, ("peer_refused", {**NO_ACKRX, "MPCapableFallbackACK": 1}),
                ("third_ack_without_option", {**NO_SYNACKRX, "MPCapableFallbackSYNACK": 1})),
    "third-ack": (lambda: rules.is_third_ack, ("no_dss_from_peer", {**NO_ACKRX, "MPCapableFallbackACK": 1}),
                  ("third_ack_without_option", {"MPCapableDataFallback": 1})),
    "after-syns": (after_syns, ("no_dss_from_peer", {**NO_ACKRX, "MPCapableFallbackACK": 1}),
                   ("third_ack_without_option", {"MPCapableDataFallback": 1})),
    "ours-after-syns": (lambda: after_syns("ours"), ("no_dss_from_peer", {**NO_ACKRX, "MPCapableFallbackACK": 1}),
                        ("no_dss_from_peer", {"MPCapableDataFallback": 1})),
    "kernels-after-syns": (lambda: after_syns("kernel"), ("no_dss_from_peer", {"DssFallback": 1, "InfiniteMapRx": 1}),
                           ("third_ack_without_option", {"MPCapableDataFallback": 1})),
    # The kernel falls back in silence; its ACKs without a DATA_ACK tell us. (From later packets only once the connection
    # has worked: then it is a race what we see first, and RFC 8684 section 3.7 has us reset.)
    "our-1st-data": (lambda: nth_data("ours", 1), ("no_dss_from_peer", {"DssFallback": 1}),
                     ("no_dss_from_peer", {"DssFallback": 1})),
    # The kernel's mapping is as long as what was written: the other packets carry it too.
    # The first one says that the mapping of all is lost. Only where nothing shows yet that the path works: what becomes of
    # it later depends on what the kernel still has to say (docs/interop.md).
    "kernels-1st-data": (lambda: nth_data("kernel", 1), ("no_dss_from_peer", {"DssFallback": 1, "InfiniteMapRx": 1}),
                         ("no_dss_from_peer", {"DssFallback": 1, "InfiniteMapRx": 1})),
    "kernels-2nd-data": (lambda: nth_data("kernel", 2), ("", {}), ("", {})),
    "kernels-last-data": (lambda: nth_data("kernel", 14), ("", {}), ("", {})),
}


def strip_cells():
    """Options taken off one packet, or off all from there on."""
    for place, (role, connects) in enumerate(ROLES.items()):
        for what, (condition, *outcomes) in STRIPPED.items():
            fallback, counted = outcomes[place]
            for play in ("client-first", "eager", "server-first", "half-close"):
                if what.startswith("our") and play == "half-close" and not connects:
                    continue  # a kernel that falls back after its DATA_FIN does not notice our FIN
                if what == "kernels-1st-data" and play != ("server-first" if connects else "client-first"):
                    continue
                yield Cell(join(role, f"strip-{what}", play), PLAYS[play], connects, counted=counted,
                           protocol="tcp" if fallback else "mptcp", fallback=fallback or "none",
                           ours={"super_segments": False},
                           our_counted={"fallbacks": None if fallback else 0, "mp_fail_sent": 0},
                           rules=lambda make=condition: [strip(make())])


def corruption_cells():
    """A byte changed on the way with checksums in use: RFC 8684 section 3.7. On the only subflow the damage is delivered
    and both go on as TCP; the cell knows which byte it is."""
    def damaged(sender):
        def work(b):
            b.open()
            out, into = (b.ours, b.kernel) if sender == "ours" else (b.kernel, b.ours)
            out.write(SMALL)
            into.read(SMALL)
            into.write(SMALL)
            out.read(SMALL)
            b.wire.add_rule(corrupt(both(is_data, sent_by(sender))))
            at = into.in_at
            out.write(1000)
            into.take_in(1000)
            data = bytearray(b.ground.data[at:at + 1000])
            data[500] ^= 0x20
            got = into.receive_raw(1000)
            expect(got == hashlib.sha256(data).hexdigest(), "the damage is not where it was done")
            # The infinite mapping goes with what is sent after that.
            b.until(lambda: b.ours.info()["protocol"] == b.cell.protocol, "our end does not fall back")
            if sender == "kernel" and b.cell.protocol == "tcp":
                b.until_counted("MPFailRx", 1)
            out.write(SMALL)
            into.read(SMALL)
            into.write(SMALL)
            out.read(SMALL)
            b.check()
            orderly(b, b.client, b.server)
        return work

    for role, connects in ROLES.items():
        for sums in ("checksum", "checksum-ours", "checksum-kernel"):
            ours, kernel = CHECKSUMS[sums]
            words = {"ours": ours, "kernel": kernel, "checksum": True, "protocol": "tcp"}
            words["checksum"] = False  # none any more
            yield Cell(join(role, sums, "damage-from-ours"), damaged("ours"), connects, **words,
                       fallback="peer_infinite_mapping",
                       counted={"DataCsumErr": 1, "MPFailTx": 1, "MPFailRx": 1, "DssFallback": 1, "InfiniteMapRx": 1},
                       our_counted={"fallbacks": 1, "mp_fail_received": 1, "mp_fail_sent": 1})
            yield Cell(join(role, sums, "damage-from-kernel"), damaged("kernel"), connects, **words,
                       fallback="checksum_failed",
                       counted={"MPFailTx": 1, "MPFailRx": 1, "InfiniteMapTx": 1},
                       our_counted={"fallbacks": 1, "mp_fail_sent": 1, "data_checksum_errors": 1})
        yield Cell(join(role, "no-checksum.damage-from-ours"), damaged("ours"), connects)
        yield Cell(join(role, "no-checksum.damage-from-kernel"), damaged("kernel"), connects)


def window_cells():
    """Readers that do not read for a while."""
    def we_pause(b):
        b.open()
        wait = b.kernel.start_write(1_000_000)
        b.until(lambda: b.ours.info()["received"] >= 60_000, "our end received nothing")
        time.sleep(0.5)
        received = b.ours.info()["received"]
        expect(received < 600_000, f"our end took {received} bytes that nobody read")
        b.ours.read(1_000_000)
        wait()
        b.check()
        orderly(b, b.kernel, b.ours)

    def kernel_pauses(b):
        b.open()
        wait = b.ours.start_write(1_000_000)
        b.until(lambda: b.ours.info()["acknowledged"] >= 10_000, "the kernel received nothing")
        time.sleep(0.5)
        taken = b.ours.info()["acknowledged"]
        expect(taken < 600_000, f"the kernel took {taken} bytes that nobody read")
        b.kernel.read(1_000_000)
        wait()
        b.check()
        orderly(b, b.ours, b.kernel)

    for role, connects in ROLES.items():
        for sums in ("", "checksum"):
            ours, kernel = CHECKSUMS[sums]
            yield Cell(join(role, sums, "we-do-not-read"), we_pause, connects, kernel=kernel, checksum=bool(sums),
                       ours={**ours, "receive_buffer": 65536})
            yield Cell(join(role, sums, "kernel-does-not-read"), kernel_pauses, connects, ours=ours, checksum=bool(sums),
                       kernel={**kernel, "net.ipv4.tcp_rmem": "4096 65536 65536"})


def fault_cells():
    yield from loss_cells()
    yield from order_cells()
    yield from strip_cells()
    yield from corruption_cells()
    yield from window_cells()
