"""The cells of the matrix as data: generated from their dimensions, each with what must be counted."""
from matrix import Cell

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


PLAYS = {"client-first": client_first, "server-first": server_first, "half-close": half_close, "no-data": no_data,
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


def all_cells():
    yield from basic_cells()
