"""The cells of the matrix as data: generated from their dimensions, each with what must be counted.

Here: plays that others use, and the cells in which nothing goes wrong.
"""
from cable import CAPABLE
from harness import expect
from matrix import Cell
from rules import narrow_dsn

SMALL = 20_000  # some packets each way
LARGE = 300_000


# --- plays: `b.client` is the end that connected

def client_first(b):
    b.open()
    b.client.write(SMALL)
    b.server.read(SMALL)
    b.server.write(SMALL)
    b.client.read(SMALL)
    b.check()
    orderly(b, b.client, b.server)


def server_first(b):
    b.open()
    b.server.write(SMALL)
    b.client.read(SMALL)
    b.client.write(SMALL)
    b.server.read(SMALL)
    b.check()
    orderly(b, b.client, b.server)


def eager(b):
    """The client does not wait until the server knows of it."""
    b.open(at_once=SMALL)
    b.server.read(SMALL)
    b.server.write(SMALL)
    b.client.read(SMALL)
    b.check()
    orderly(b, b.client, b.server)


def half_close(b):
    """The client finishes; the server answers after that."""
    b.open()
    b.client.write(SMALL)
    b.client.finish()
    b.server.read(SMALL)
    b.server.read_end()
    b.server.write(LARGE)
    b.client.read(LARGE)
    b.check()
    b.server.close()
    b.client.read_end()
    b.client.close()


def no_data(b):
    b.open()
    b.check()
    orderly(b, b.client, b.server)


def both_ways(b):
    b.open()
    waits = [b.client.start_write(LARGE), b.server.start_write(LARGE), b.client.start_read(LARGE),
             b.server.start_read(LARGE)]
    for wait in waits:
        wait()
    b.check()
    orderly(b, b.server, b.client)


def orderly(b, first, second):
    """One end closes its direction, the other reads that and closes, then both are gone."""
    first.finish()
    second.read_end()
    second.close()
    first.read_end()
    first.close()


PLAYS = {"eager": eager, "client-first": client_first, "server-first": server_first, "half-close": half_close, "no-data": no_data,
         "both-ways": both_ways}
ROLES = {"ours-connects": True, "ours-accepts": False}
CHECKSUMS = {"": ({}, {}), "checksum": ({"checksum": True}, {"net.mptcp.checksum_enabled": 1}),
             "checksum-ours": ({"checksum": True}, {}), "checksum-kernel": ({}, {"net.mptcp.checksum_enabled": 1})}


def join(*words):
    return ".".join(word for word in words if word)


def basic_cells():
    for role, connects in ROLES.items():
        for family in ("v4", "v6"):
            for sums, (ours, kernel) in CHECKSUMS.items():
                for play_name, play in PLAYS.items():
                    yield Cell(join(role, family, sums, play_name), play, connects, family=family, ours=ours, kernel=kernel,
                               checksum=bool(sums))



def option_cells():
    """Options of TCP that one side does without."""
    lacks = {"no-timestamps": ("timestamps", "net.ipv4.tcp_timestamps"), "no-sack": ("sack", "net.ipv4.tcp_sack"),
             "no-scaling": ("window_scaling", "net.ipv4.tcp_window_scaling")}
    for role, connects in ROLES.items():
        for lack, (ours, kernel) in lacks.items():
            for play in ("client-first", "both-ways"):
                yield Cell(join(role, lack, "ours", play), PLAYS[play], connects, ours={ours: False})
                yield Cell(join(role, lack, "kernel", play), PLAYS[play], connects, kernel={kernel: 0})
        yield Cell(join(role, "no-timestamps.no-sack.both-ways"), both_ways, connects,
                   kernel={"net.ipv4.tcp_timestamps": 0, "net.ipv4.tcp_sack": 0})
        yield Cell(join(role, "no-timestamps.checksum.both-ways"), both_ways, connects, checksum=True,
                   kernel={"net.ipv4.tcp_timestamps": 0}, ours={"checksum": True})
    for play in ("client-first", "server-first", "no-data"):
        yield Cell(join("ours-connects.syn-cookies", play), PLAYS[play], True, kernel={"net.ipv4.tcp_syncookies": 2},
                   tcp_counted={"TcpExtSyncookiesSent": 1, "TcpExtSyncookiesRecv": 1, "TcpExtTCPReqQFullDoCookies": 1})


def plain_cells():
    """One side speaks TCP only."""
    for play_name in ("client-first", "server-first", "half-close", "both-ways"):
        play = PLAYS[play_name]
        yield Cell(join("ours-connects.plain-kernel", play_name), play, True, plain_kernel=True, protocol="tcp",
                   fallback="peer_refused", our_counted={"fallbacks": 1})
        yield Cell(join("ours-accepts.plain-kernel", play_name), play, False, plain_kernel=True, protocol="tcp",
                   fallback="peer_did_not_offer", our_counted={"fallbacks": None})
        yield Cell(join("ours-connects.plain-ours", play_name), play, True, ours={"multipath": False}, protocol="tcp",
                   fallback="not_requested", our_counted={"fallbacks": None})
        yield Cell(join("ours-accepts.plain-ours", play_name), play, False, ours={"multipath": False}, protocol="tcp",
                   fallback="not_requested", our_counted={"fallbacks": None})


def size_cells():
    """Writes around the longest mapping (65535 bytes), and more than any window."""
    def play(size, from_ours):
        def work(b):
            b.open()
            sender, receiver = (b.ours, b.kernel) if from_ours else (b.kernel, b.ours)
            waits = [sender.start_write(size), receiver.start_read(size)]
            for wait in waits:
                wait()
            b.check()
            orderly(b, sender, receiver)
        return work
    for role, connects in ROLES.items():
        for sums in ("", "checksum"):
            ours, kernel = CHECKSUMS[sums]
            for size in (1, 1460, 65535, 65536, 65537, 131072, 1_900_000):
                for sender in ("ours", "kernel"):
                    yield Cell(join(role, sums, f"{size}-bytes-from-{sender}"), play(size, sender == "ours"), connects,
                               ours=ours, kernel=kernel, checksum=bool(sums))


# Keys of ours by how many data sequence numbers their initial one lies before a multiple of 2^32, itself counted: found
# by trying, because the number is the end of the key's SHA-256.
KEYS = {21: "92c349ff04573257", 98: "95e82777ad1b90ee", 154: "2598f6f4e7471fd3"}


def number_cells():
    """Data sequence numbers: past 2^32, and with mappings of 32 bits, which make the kernel acknowledge with 32."""
    def with_key(key, play):
        def work(b):
            play(b)
            used = b.wire.packets(lambda p: p.sender == "ours" and bytes.fromhex(key) in p.mptcp(CAPABLE))
            expect(used, f"our end did not use the key {key}")
        return work

    for role, connects in ROLES.items():
        for sums in ("", "checksum"):
            ours, kernel = CHECKSUMS[sums]
            words = {"kernel": kernel, "checksum": bool(sums)}
            for room, key in KEYS.items():
                for play in ("server-first", "both-ways"):
                    yield Cell(join(role, sums, f"wrap-after-{room}", play), with_key(key, PLAYS[play]), connects,
                               ours={**ours, "key": key}, **words)
            yield Cell(join(role, sums, "narrow-mappings"), both_ways, connects, ours=ours, **words,
                       rules=lambda: [narrow_dsn("ours")])
            yield Cell(join(role, sums, "narrow-mappings.wrap"), both_ways, connects, **words,
                       ours={**ours, "key": KEYS[98]}, rules=lambda: [narrow_dsn("ours")])


def calm_cells():
    yield from basic_cells()
    yield from option_cells()
    yield from plain_cells()
    yield from size_cells()
    yield from number_cells()
