"""Cells with a second subflow: joins, announcements, withdrawals, priorities, and interfaces that come and go."""
import rules
from cable import ADD_ADDR, JOIN
from harness import expect
from matrix import Cell
from matrix_cells import CHECKSUMS, LARGE, ROLES, SMALL, join, orderly
from rules import Lose, Overtaken, both, sent_by, spoil

# One join, as the kernel counts it: ours joins what the kernel announces, or the kernel joins what we announce.
KERNEL_JOINED = {"MPJoinSynRx": 1, "MPJoinAckRx": 1, "AddAddrTx": 1, "EchoAdd": 1}
KERNEL_JOINS = {"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "AddAddr": 1, "EchoAddTx": 1}
SIGNAL = ("{2} signal",)


def exchange(b, size=LARGE):
    waits = [b.client.start_write(size), b.server.start_write(size), b.client.start_read(size), b.server.start_read(size)]
    for wait in waits:
        wait()


def two(b):
    """Both subflows up, as our end sees it."""
    return b.ours.wait(2)


def before_data(b):
    b.open()
    two(b)
    exchange(b)
    b.check()
    orderly(b, b.client, b.server)


def during_data(b):
    """Data flows already when the join begins."""
    b.open(at_once=SMALL)
    b.server.read(SMALL)
    two(b)
    exchange(b)
    b.check()
    orderly(b, b.server, b.client)


def idle_join(b):
    """No data at all."""
    b.open()
    two(b)
    b.check()
    orderly(b, b.client, b.server)


def after_our_fin(b):
    """One direction is finished when the kernel announces: it refuses joins from then on, and the rest goes on."""
    b.open()
    b.ours.write(SMALL)
    b.ours.finish()
    b.kernel.read(SMALL)
    b.kernel.read_end()
    b.ground.kernel.do("ip", "mptcp", "endpoint", "add", b.ground.address("kernel", 2), "signal")
    b.until_counted("MPJoinRejected", 1)
    b.kernel.write(SMALL)
    b.ours.read(SMALL)
    b.check()
    b.kernel.close()
    b.ours.read_end()
    b.ours.close()
    b.ground.kernel.do("ip", "mptcp", "endpoint", "flush")


def only_one(b):
    """The second subflow does not come about; the first does all."""
    b.open()
    exchange(b)
    b.check()
    orderly(b, b.client, b.server)


def joining(connects, **words):
    """The words of a cell in which the passive side announces its second address."""
    counted = {**(KERNEL_JOINED if connects else KERNEL_JOINS), **words.pop("counted", {})}
    return {"links": 2, "endpoints": SIGNAL if connects else (), "subflows": 2, "counted": counted, **words}


def join_basics():
    for role, connects in ROLES.items():
        for family in ("v4", "v6"):
            for sums in ("", "checksum"):
                ours, kernel = CHECKSUMS[sums]
                for name, play in (("before-data", before_data), ("during-data", during_data), ("idle", idle_join)):
                    yield Cell(join(role, family, sums, "join", name), play, connects, family=family,
                               **joining(connects, ours=ours, kernel=kernel, checksum=bool(sums)))
    yield Cell("ours-connects.join.after-our-fin", after_our_fin, True, links=2, counted={"AddAddrTx": 1, "EchoAdd": 1},
               loose=("MPJoinSynRx", "MPJoinRejected"), tcp_counted={"TcpAttemptFails": None, "TcpOutRsts": None},
               our_counted={"mp_tcprst_received": None})  # we try again after a second


def join_losses():
    """Each packet of a join is lost once, or comes late."""
    def alone(packet):
        return packet.link == 2

    def until_echoed(b):
        b.open()
        two(b)
        exchange(b)
        b.until_counted("EchoAdd" if b.cell.connects else "AddAddr", 1 if b.cell.connects else 2)
        b.check()
        orderly(b, b.client, b.server)

    for role, connects in ROLES.items():
        for what, condition in (("syn", rules.is_syn), ("syn-ack", rules.is_syn_ack),
                                ("third-ack", rules.is_join_third_ack)):
            # A lost SYN/ACK may come again after the SYN has: the kernel counts each SYN it sees.
            yield Cell(join(role, "join", f"lose-{what}"), before_data, connects,
                       **joining(connects, loose=("MPJoinSynRx",) if connects and what == "syn-ack" else (),
                                 rules=lambda c=condition: [Lose(both(alone, c))]))
        again = {"AddAddrTx": 2} if connects else {}
        yield Cell(join(role, "join", "lose-announcement"), before_data, connects,
                   **joining(connects, counted=again, rules=lambda: [Lose(rules.is_announcement)]))
        again = {"AddAddrTx": 2} if connects else {"AddAddr": 2, "EchoAddTx": 2}
        yield Cell(join(role, "join", "lose-echo"), until_echoed, connects,
                   **joining(connects, counted=again, rules=lambda: [Lose(rules.is_echo)]))
        yield Cell(join(role, "join", "fourth-ack-late"), before_data, connects,
                   **joining(connects, rules=lambda s="kernel" if connects else "ours": [
                       Overtaken(both(alone, sent_by(s), lambda p: not p.has_flags(rules.SYN)), 1)]))


RESET_AT_KERNEL = {"TcpAttemptFails": 1, "TcpOutRsts": 1}


def join_refusals():
    """Joins that must not come about. What an end counts that is tried again after a second is not determined then."""
    def refused(condition, reason):
        """Data after the refusal; the connection does not care."""
        def work(b):
            b.open()
            b.until(lambda: condition(b), reason)
            b.ours.wait(1)
            exchange(b)
            b.check()
            orderly(b, b.client, b.server)
        return work

    def kernel_counts(name):
        return refused(lambda b: b.ground.kernel.counters()["MPTcpExt" + name] > b.before["MPTcpExt" + name],
                       f"the kernel never counted {name}")

    def we_count(name):
        return refused(lambda b: b.peer.ask("counters").get(name, 0) > 0, f"our end never counted {name}")

    told = {"AddAddrTx": 1, "EchoAdd": 1}
    heard = {"AddAddr": 1, "EchoAddTx": 1}
    mac_syn_ack, mac_third_ack = (lambda: [spoil(JOIN, 5, rules.is_join_syn_ack)],
                                  lambda: [spoil(JOIN, 5, rules.is_join_third_ack)])
    first = {"links": 2, "endpoints": SIGNAL}
    yield Cell("ours-connects.join.bad-mac-on-announcement", we_count("add_addr_bad_mac"), True, **first, loose=("AddAddrTx",),
               rules=lambda: [spoil(ADD_ADDR, 9, rules.is_announcement)], our_counted={"add_addr_bad_mac": None})
    yield Cell("ours-connects.join.bad-mac-on-syn-ack", we_count("mp_join_bad_mac"), True, **first, rules=mac_syn_ack,
               counted={**told, "MPJoinSynRx": 1}, tcp_counted={"TcpAttemptFails": 1, "TcpExtEmbryonicRsts": 1},
               our_counted={"mp_join_bad_mac": 1, "mp_tcprst_sent": 1})
    yield Cell("ours-connects.join.bad-mac-on-third-ack", kernel_counts("MPJoinAckHMacFailure"), True, **first,
               rules=mac_third_ack, counted={**told, "MPJoinSynRx": 1, "MPJoinAckHMacFailure": 1},
               tcp_counted=RESET_AT_KERNEL, our_counted={"mp_tcprst_received": 1})
    yield Cell("ours-connects.join.limit-of-kernel", kernel_counts("MPJoinRejected"), True, **first, limits=(0, 0),
               counted={**told, "MPJoinSynRx": 1, "MPJoinRejected": 1}, tcp_counted=RESET_AT_KERNEL,
               our_counted={"mp_tcprst_received": 1})
    yield Cell("ours-connects.join.blocked", only_one, True, **first, counted=told, rules=lambda: [rules.Hole(link=2)])

    yield Cell("ours-accepts.join.bad-mac-on-announcement", only_one, False, links=2,
               rules=lambda: [spoil(ADD_ADDR, 9, rules.is_announcement)])
    yield Cell("ours-accepts.join.bad-mac-on-syn-ack", kernel_counts("MPJoinSynAckHMacFailure"), False, links=2,
               rules=mac_syn_ack, tcp_counted={"TcpEstabResets": 1, "TcpOutRsts": 1},
               counted={**heard, "MPJoinSynTx": 1, "MPJoinSynAckHMacFailure": 1, "MPRstTx": 1},
               our_counted={"mp_tcprst_received": 1})
    # Whether the kernel answers our RST with one of its own depends on what it does just then.
    yield Cell("ours-accepts.join.bad-mac-on-third-ack", we_count("mp_join_bad_mac"), False, links=2, rules=mac_third_ack,
               counted={**heard, "MPJoinSynTx": 1, "MPJoinSynAckRx": 1}, loose=("MPRstTx", "MPRstRx"),
               tcp_counted={"TcpEstabResets": 1, "TcpOutRsts": None},
               our_counted={"mp_join_bad_mac": 1, "mp_tcprst_sent": 1, "dropped_not_for_us": None})
    yield Cell("ours-accepts.join.limit-of-kernel", only_one, False, links=2, limits=(0, 0), counted=heard)
    yield Cell("ours-accepts.join.blocked", only_one, False, links=2, counted={**heard, "MPJoinSynTx": 1},
               rules=lambda: [rules.Hole(link=2)])


# Of a subflow whose address has gone, what is still under way counts as stray; whether its end or the REMOVE_ADDR comes
# first decides who of the two counts for the kernel. We say REMOVE_ADDR three times, as long as the connection lives.
GONE = {"loose": ("RmSubflow", "RmAddr"), "our_counted": {"dropped_not_for_us": None, "strays_reset": None}}


def changes():
    """What happens to subflows that are there."""
    def kernel_backup(b):
        b.open()
        two(b)
        b.ground.kernel.do("ip", "mptcp", "endpoint", "change", b.ground.address("kernel", 2), "backup")
        b.until_counted("MPPrioTx", 1)
        b.until(lambda: any(one["backup"] for one in b.ours.info()["subflows"]), "our end never heard of the backup")
        exchange(b)
        b.check()
        orderly(b, b.client, b.server)

    def our_backup(b):
        b.open()
        info = two(b)
        second = max(one["id"] for one in info["subflows"])
        said = b.peer.ask("set_backup", stream="a", subflow=second, backup=True)
        expect(not said["error"], f"set_backup: {said}")
        b.until_counted("MPPrioRx", 1)
        exchange(b)
        b.check()
        orderly(b, b.client, b.server)

    def kernel_withdraws(b, which):
        b.open()
        two(b)
        if which == 0:
            b.ground.kernel.do("ip", "mptcp", "endpoint", "delete", "id", 0, b.ground.address("kernel", 1))
        else:
            b.ground.kernel.do("ip", "mptcp", "endpoint", "flush")
        b.ours.wait(1, "active")
        exchange(b)
        b.check()
        orderly(b, b.client, b.server)

    def we_lose_address(b, link):
        b.open()
        two(b)
        b.ground.ours.ip(b.ground.address_line("ours", link, "del"))
        try:
            b.until_counted("RmAddr", 1)
            b.ours.wait(1, "active")
            exchange(b)
            b.check()
            orderly(b, b.client, b.server)
        finally:
            b.ground.ours.ip(b.ground.address_line("ours", link))

    def we_lose_and_regain(b):
        b.open()
        two(b)
        b.ground.ours.ip(b.ground.address_line("ours", 2, "del"))
        try:
            b.ours.wait(1, "active")
        finally:
            b.ground.ours.ip(b.ground.address_line("ours", 2))
        exchange(b)
        b.ours.wait(2)
        exchange(b)
        b.check()
        orderly(b, b.client, b.server)

    def device_down(b):
        b.open()
        two(b)
        b.ground.ours.ip("link set path2 down")
        try:
            b.ours.wait(1, "active")
            exchange(b)
        finally:
            b.ground.ours.ip("link set path2 up", *b.ground.lost_with_device("ours", 2))
        b.ours.wait(2)
        exchange(b)
        b.check()
        orderly(b, b.client, b.server)

    def we_close_subflow(b):
        b.open()
        info = two(b)
        exchange(b)
        said = b.peer.ask("close_subflow", stream="a", subflow=max(one["id"] for one in info["subflows"]))
        expect(not said["error"], f"close_subflow: {said}")
        b.ours.wait(1, "active")
        exchange(b)
        b.check()
        orderly(b, b.client, b.server)

    yield Cell("ours-connects.prio.kernel-says-backup", kernel_backup, True, **joining(True, counted={"MPPrioTx": 1}))
    for role, connects in ROLES.items():
        # We say MP_PRIO three times, as long as the connection lives.
        yield Cell(join(role, "prio.we-say-backup"), our_backup, connects, **joining(connects, loose=("MPPrioRx",)))
        yield Cell(join(role, "close-subflow"), we_close_subflow, connects, **joining(connects, subflows=1, loose=("MPRstRx",), tcp_counted={"TcpEstabResets": None},
                             our_counted={**GONE["our_counted"], "mp_tcprst_sent": None}))
        for link in (1, 2):
            yield Cell(join(role, f"our-address-{link}-removed"), lambda b, n=link: we_lose_address(b, n), connects,
                       **joining(connects, subflows=1, **GONE, counted={"RmAddr": 1}))
        # The kernel hears of the address again and joins, or is joined, once more.
        again = {"MPJoinSynRx": 2, "MPJoinAckRx": 2} if connects else {
            "MPJoinSynTx": 2, "MPJoinSynAckRx": 2, "AddAddr": 2, "EchoAddTx": 2}
        yield Cell(join(role, "our-device-down"), device_down, connects,
                   **joining(connects, **GONE, counted={"RmAddr": 1, **again}))
        yield Cell(join(role, "our-address-back"), we_lose_and_regain, connects,
                   **joining(connects, **GONE, counted={"RmAddr": 1, **again}))
    for which, name in ((1, "other"), (0, "0")):
        yield Cell(f"ours-connects.remove-addr.kernel-{name}", lambda b, n=which: kernel_withdraws(b, n), True,
                   **joining(True, subflows=1, counted={"RmAddrTx": 1, "RmSubflow": 1}, loose=("MPRstRx",),
                             our_counted={**GONE["our_counted"], "mp_tcprst_sent": None}))


def three_subflows(b):
    b.open()
    b.ours.wait(3)
    exchange(b)
    b.check()
    orderly(b, b.client, b.server)


def flags():
    """Flags of the kernel's endpoints."""
    yield Cell("ours-connects.flags.signal-port", before_data, True,
               **joining(True, endpoints=("{2} signal port 7777",), counted={"PortAdd": 1, "MPJoinPortSynRx": 1, "MPJoinPortAckRx": 1}))
    yield Cell("ours-connects.flags.signal-backup", before_data, True, **joining(True, endpoints=("{2} signal backup",)))
    # Two joins each: the endpoint's own, to our first address, and the one to the address that we announce.
    for flag in ("subflow", "subflow backup", "subflow fullmesh"):
        yield Cell(join("ours-accepts.flags", flag.replace(" ", "-")), three_subflows, False,
                   **joining(False, endpoints=("{2} " + flag,), subflows=3, counted={"MPJoinSynTx": 2, "MPJoinSynAckRx": 2}))


def damage_on_joined():
    """A byte changed on one of two subflows: that one ends with MP_FAIL, and the data comes again over the other."""
    def work(b, sender):
        b.open()
        two(b)
        exchange(b)
        b.wire.add_rule(rules.corrupt(both(rules.is_data, sent_by(sender))))
        exchange(b)
        b.ours.wait(1, "active")
        b.check()
        orderly(b, b.client, b.server)

    for role, connects in ROLES.items():
        for sender in ("ours", "kernel"):
            ours, kernel = CHECKSUMS["checksum"]
            counted = {"DataCsumErr": 1, "MPFailTx": 1, "MPRstTx": 1} if sender == "ours" else {"MPFailRx": 1, "MPRstRx": 1}
            ours_too = {"mp_fail_received": 1, "mp_tcprst_received": 1} if sender == "ours" else {
                "mp_fail_sent": 1, "mp_tcprst_sent": 1, "data_checksum_errors": 1}
            yield Cell(join(role, "checksum.join", f"damage-from-{sender}"), lambda b, s=sender: work(b, s), connects,
                       **joining(connects, ours=ours, kernel=kernel, checksum=True, subflows=1, counted=counted,
                                 tcp_counted={"TcpEstabResets": 1, "TcpOutRsts": None},
                                 our_counted={**ours_too, **GONE["our_counted"]}))


def join_cells():
    yield from join_basics()
    yield from join_losses()
    yield from join_refusals()
    yield from changes()
    yield from flags()
    yield from damage_on_joined()
