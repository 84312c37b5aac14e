"""Cells about ends: orders of closing, aborts, unread data, many connections, and how much waits for whom."""
from harness import expect
from matrix import Cell
from matrix_cells import LARGE, ROLES, SMALL, join
from matrix_join_cells import joining, two

RESET = "Connection reset by peer"


def talk(b):
    b.open()
    b.client.write(SMALL)
    b.server.read(SMALL)
    b.server.write(SMALL)
    b.client.read(SMALL)
    if b.cell.links == 2:
        two(b)
    b.check()


def closed_by(first, second):
    """close() without shutdown, one after the other; `ours` and `kernel` in order."""
    def work(b):
        talk(b)
        ends = {"ours": b.ours, "kernel": b.kernel}
        ends[first].close()
        ends[second].read_end()
        ends[second].close()
    return work


def simultaneous(b):
    talk(b)
    tag = b.peer.start("finish", stream="a")
    b.kernel.finish()
    b.peer.answer(tag)
    b.ours.read_end()
    b.kernel.read_end()
    b.ours.close()
    b.kernel.close()


def with_data_under_way(closer):
    """Writes and closes at once; the other end reads everything after that."""
    def work(b):
        talk(b)
        one, other = (b.ours, b.kernel) if closer == "ours" else (b.kernel, b.ours)
        wait = other.start_read(LARGE)
        one.write(LARGE)
        one.close()
        wait()
        other.read_end()
        other.close()
    return work


def our_abort(b):
    talk(b)
    b.ours.abort()
    b.kernel.read_end(RESET)
    b.kernel.close()


def our_unread(b):
    """We close and have not read what came: the peer is told with a reset."""
    talk(b)
    b.kernel.write(SMALL)
    b.until(lambda: b.ours.info()["received"] >= 2 * SMALL, "the data never came")
    b.ours.close()
    b.kernel.read_end(RESET)
    b.kernel.close()


def kernel_abort(b):
    """SO_LINGER 0."""
    talk(b)
    b.kernel.abort()
    b.ours.read_end(RESET)
    b.ours.close()


def kernel_unread(b):
    talk(b)
    b.ours.write(SMALL)
    b.until(lambda: b.ours.info()["acknowledged"] >= 2 * SMALL, "the data was never acknowledged")
    b.kernel.close()
    b.ours.read_end(RESET)
    b.ours.close()


def ends():
    for role, connects in ROLES.items():
        for links in (1, 2):
            words = joining(connects) if links == 2 else {}
            counted = words.pop("counted", {})
            where = "" if links == 1 else "two-subflows"
            for first, second in (("ours", "kernel"), ("kernel", "ours")):
                yield Cell(join(role, "close", where, f"{first}-first"), closed_by(first, second), connects, **words,
                           counted=counted)
                yield Cell(join(role, "close", where, f"data-then-close-by-{first}"), with_data_under_way(first), connects,
                           **words, counted=counted)
            yield Cell(join(role, "close", where, "simultaneous"), simultaneous, connects, **words, counted=counted)
            # On two subflows it is a race which RST the kernel meets first, and what is left when it has answered one.
            racing = {} if links == 1 else {"loose": ("MPFastcloseRx", "MPRstRx", "MPRstTx")}
            strays = {} if links == 1 else {"dropped_not_for_us": None, "strays_reset": None}
            for name, play in (("abort-by-ours", our_abort), ("unread-by-ours", our_unread)):
                yield Cell(join(role, "fastclose", where, name), play, connects, **words, **racing,
                           counted={**counted, "MPFastcloseRx": 1, "MPRstRx": 1},
                           tcp_counted={"TcpEstabResets": links, "TcpOutRsts": 0 if links == 1 else None},
                           our_counted={**strays, "mp_fastclose_sent": 1, "mp_tcprst_sent": 1 if links == 1 else None})
            for name, play in (("abort-by-kernel", kernel_abort), ("unread-by-kernel", kernel_unread)):
                yield Cell(join(role, "fastclose", where, name), play, connects, **words,
                           counted={**counted, "MPFastcloseTx": links, "MPRstTx": links},
                           tcp_counted={"TcpEstabResets": links, "TcpOutRsts": links},
                           our_counted={**strays, "mp_fastclose_received": 1, "mp_tcprst_sent": 0 if links == 1 else None,
                                        "mp_tcprst_received": 1 if links == 1 else None})
        aborted = {"TcpEstabResets": 1, "TcpOutRsts": 1}
        for name, play, tcp in (("ours-first", closed_by("ours", "kernel"), {}),
                                ("kernel-first", closed_by("kernel", "ours"), {}),
                                ("simultaneous", simultaneous, {}), ("abort-by-ours", our_abort, {"TcpEstabResets": 1}),
                                ("abort-by-kernel", kernel_abort, {**aborted, "TcpExtTCPAbortOnData": 1}),
                                ("unread-by-kernel", kernel_unread, {**aborted, "TcpExtTCPAbortOnClose": 1})):
            fallback = "peer_refused" if connects else "peer_did_not_offer"
            yield Cell(join(role, "plain-kernel.close", name), play, connects, plain_kernel=True, protocol="tcp",
                       fallback=fallback, tcp_counted=tcp,
                       our_counted={"fallbacks": None, "dropped_not_for_us": None, "strays_reset": None})  # after an abort


def many(count):
    """So many connections at the same time; each both ways, all kept open until all have been used."""
    def work(b):
        if b.cell.connects:
            b.listen_at_kernel(backlog=count)
        else:
            b.listen_at_ours()
        pairs = []
        for number in range(count):
            pairs.append((b.connect_ours if b.cell.connects else b.connect_kernel)(f"s{number}"))
        waits = []
        for ours, kernel in pairs:
            waits += [ours.start_write(SMALL), kernel.start_read(SMALL)]
        for wait in waits:
            wait()
        waits = []
        for ours, kernel in pairs:
            waits += [kernel.start_write(SMALL), ours.start_read(SMALL)]
        for wait in waits:
            wait()
        for ours, kernel in pairs:
            info = ours.info()
            expect(info["protocol"] == "mptcp", f"{ours.name} fell back: {info['fallback']}")
            expect(kernel.protocol() == "mptcp", f"{ours.name}: the kernel fell back")
        for ours, kernel in pairs:
            kernel.finish()
            ours.read_end()
            ours.close()
            kernel.read_end()
            kernel.close()
    return work


def crowds():
    for count in (10, 50):
        yield Cell(f"ours-connects.{count}-at-once", many(count), True, seconds=2,
                   counted={"MPCapableSYNRX": count, "MPCapableACKRX": count}, ours={"ephemeral_ports": 64})
        yield Cell(f"ours-accepts.{count}-at-once", many(count), False, seconds=2,
                   counted={"MPCapableSYNTX": count, "MPCapableSYNACKRX": count})


def close_cells():
    yield from ends()
    yield from crowds()
