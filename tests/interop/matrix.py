"""One cell of the matrix: what it is, how it is played, and what must be true afterwards. The cells: matrix_cells.py.

The kernel's counters are compared whole: every counter of MPTCP and every one of TCP that tells of something gone wrong
must have moved by exactly what the cell says, which is not at all unless it says so. Excepted are those that depend on
how busy the machine is (`UNDETERMINED`), and what a cell names `loose`.
"""
import dataclasses
import os
import shutil
import socket
import time
import typing

from ground import DATA_SIZE, PATIENCE, Ground, KernelEnd, OurEnd, Peer
from harness import ROOT, Failed, Skip, expect

# Retransmissions at the data level, what came out of order because of them, and windows: a matter of time.
UNDETERMINED = {"MPTCPRetrans", "OFOQueueTail", "OFOQueue", "OFOMerge", "DuplicateData", "SndWndShared", "RcvWndShared",
                "RcvWndConflictUpdate", "RcvWndConflict", "WinProbe", "SubflowStale", "SubflowRecover"}
# Of TCP: what would show that an end sent nonsense, gave up, or dropped what it should not have.
TCP_TROUBLE = ("TcpInErrs", "TcpInCsumErrors", "TcpAttemptFails", "TcpEstabResets", "TcpOutRsts", "TcpExtTCPAbortOnData",
               "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnMemory", "TcpExtTCPAbortOnTimeout", "TcpExtTCPAbortOnLinger",
               "TcpExtTCPAbortFailed", "TcpExtTCPBacklogDrop", "TcpExtTCPMinTTLDrop", "TcpExtTCPOFODrop",
               "TcpExtTCPChallengeACK", "TcpExtTCPSYNChallenge", "TcpExtPAWSActive", "TcpExtPAWSEstab",
               "TcpExtOfoPruned", "TcpExtRcvPruned", "TcpExtPruneCalled", "TcpExtListenOverflows", "TcpExtListenDrops",
               "TcpExtTCPReqQFullDrop", "TcpExtTCPReqQFullDoCookies", "TcpExtSyncookiesSent", "TcpExtSyncookiesRecv",
               "TcpExtSyncookiesFailed", "TcpExtTCPSACKReneging", "TcpExtTCPSACKDiscard", "TcpExtTCPRcvQDrop",
               "TcpExtTCPZeroWindowDrop", "TcpExtTCPMemoryPressures", "TcpExtEmbryonicRsts", "TcpExtTCPKeepAlive")
# Of ours: the same.
OUR_TROUBLE = ("dropped_malformed", "dropped_checksum", "dropped_not_for_us", "dropped_listener_full", "dropped_no_route",
               "strays_reset", "mp_join_no_token", "mp_join_refused", "mp_join_bad_mac", "add_addr_bad_mac",
               "mp_fail_received", "mp_fail_sent", "mp_fastclose_received", "mp_fastclose_sent", "mp_tcprst_received",
               "mp_tcprst_sent", "fallbacks", "data_checksum_errors")


@dataclasses.dataclass
class Cell:
    name: str
    play: typing.Callable
    connects: bool  # ours connects, else the kernel does
    core: bool = False
    family: str = "v4"
    links: int = 1  # how many of our interfaces may carry subflows
    ours: dict = dataclasses.field(default_factory=dict)  # options of interop_peer
    kernel: dict = dataclasses.field(default_factory=dict)  # sysctls
    endpoints: tuple = ()  # of the kernel: lines of `ip mptcp endpoint add`; {1} is its address on path1
    limits: tuple = (8, 8)  # of the kernel: subflows, add_addr_accepted
    rules: typing.Callable = lambda: []
    delay: float = 0.0  # one way, in seconds
    plain_kernel: bool = False  # the kernel's socket is of TCP
    protocol: str = "mptcp"
    kernel_protocol: str = ""  # where it differs from ours
    fallback: str = "none"
    subflows: int = 1  # at `check`
    checksum: bool = False  # in use
    counted: dict = dataclasses.field(default_factory=dict)  # by the kernel, MPTcpExt
    tcp_counted: dict = dataclasses.field(default_factory=dict)  # by the kernel, whole names; None: not determined
    our_counted: dict = dataclasses.field(default_factory=dict)
    loose: tuple = ()  # of `counted`, not determined in this cell
    patience: float = PATIENCE  # until the kernel has no sockets any more
    seconds: float = 1.0  # about how long it takes, for the list


class Bench:
    """A cell being played: both ends and what is between them."""

    def __init__(self, cell, ground, program):
        self.cell, self.ground, self.wire = cell, ground, ground.wire
        self.rules = cell.rules()
        self.listener, self.peer, self.ours, self.kernel = None, None, None, None
        ground.set_kernel(cell.kernel)
        ground.kernel.do("ip", "mptcp", "limits", "set", "subflows", cell.limits[0], "add_addr_accepted", cell.limits[1])
        addresses = {str(link): ground.address("kernel", link) for link in range(1, ground.links + 1)}
        for line in cell.endpoints:
            for link, address in addresses.items():
                line = line.replace("{%s}" % link, address)
            ground.kernel.do("ip", "mptcp", "endpoint", "add", *line.split())
        self.wire.reset(self.rules, cell.delay)
        self.before = ground.kernel.counters()
        options = {"data": str(ground.data_file), "interfaces": [f"path{n}" for n in range(1, cell.links + 1)]}
        self.peer = Peer(program, ground.ours, {**options, **cell.ours}, ground.folder / "peer.log")

    # --- connections

    def open(self, name="a", at_once=0):
        """Connects; ours and the kernel's end are there afterwards. The client writes `at_once` bytes as soon as it is
        connected, whatever the server knows by then; nobody has read them yet."""
        if self.cell.connects:
            self.listen_at_kernel()
            self.ours, self.kernel = self.connect_ours(name, at_once)
            self.client, self.server = self.ours, self.kernel
        else:
            self.listen_at_ours()
            self.ours, self.kernel = self.connect_kernel(name, at_once)
            self.client, self.server = self.kernel, self.ours

    def listen_at_kernel(self, backlog=64):
        self.port = self.ground.port()
        self.listener = self.ground.kernel_socket(*([0] if self.cell.plain_kernel else []))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0" if self.ground.family == "v4" else "::", self.port))
        self.listener.listen(backlog)
        self.listener.settimeout(PATIENCE)

    def listen_at_ours(self, **words):
        self.port = self.ground.port()
        said = self.peer.ask("listen", port=self.port, **words)
        expect(not said["error"], f"our end cannot listen: {said}")

    def start_connect(self, name="a"):
        return self.peer.start("connect", stream=name, address=self.ground.address("kernel"), port=self.port)

    def connect_ours(self, name="a", at_once=0):
        tag = self.start_connect(name)
        said = self.peer.answer(tag)
        expect(said.get("error") == "", f"our end cannot connect: {said}")
        ours = OurEnd(self.peer, name, self.ground.data)
        if at_once:
            ours.write(at_once)
        return ours, self.accept_kernel()

    def accept_kernel(self):
        try:
            return KernelEnd(self.listener.accept()[0], self.ground.data)
        except OSError as error:
            raise Failed(f"the kernel has no connection to accept: {error}") from None

    def connect_kernel(self, name="a", at_once=0):
        tag = self.peer.start("accept", stream=name)
        sock = self.ground.kernel_socket(*([0] if self.cell.plain_kernel else []))
        sock.settimeout(PATIENCE)
        try:
            sock.connect((self.ground.address("ours"), self.port))
        except OSError as error:
            raise Failed(f"the kernel cannot connect: {error}") from None
        kernel = KernelEnd(sock, self.ground.data)
        if at_once:
            kernel.write(at_once)
        said = self.peer.answer(tag)
        expect(said.get("error") == "", f"our end cannot accept: {said}")
        return OurEnd(self.peer, name, self.ground.data), kernel

    # --- what must hold

    def check(self):
        """What both ends say of the connection, while it is open."""
        cell = self.cell
        if cell.protocol == "tcp":  # what makes us fall back may be on its way still
            self.until(lambda: self.ours.info().get("protocol") == "tcp", "our end does not fall back")
        info = self.ours.info()
        expect((info.get("protocol"), info.get("fallback")) == (cell.protocol, cell.fallback),
               f"our end: {info.get('protocol')}, fallback {info.get('fallback')}; expected {cell.protocol}, {cell.fallback}")
        wanted = cell.kernel_protocol or cell.protocol
        expect(self.kernel.protocol() == wanted, f"the kernel's socket speaks {self.kernel.protocol()}, {wanted} expected")
        alive = [one for one in info["subflows"] if one["state"] in ("active", "stalled", "closing")]
        expect(len(alive) == cell.subflows, f"{len(alive)} subflows, {cell.subflows} expected: {info['subflows']}")
        expect(info["checksum"] == cell.checksum, f"DSS checksum {info['checksum']}, {cell.checksum} expected")

    def until(self, condition, reason, patience=PATIENCE):
        """Waits for something that nobody tells us of."""
        deadline = time.monotonic() + patience
        while not (found := condition()):
            expect(time.monotonic() < deadline, reason)
            time.sleep(0.004)
        return found

    def until_counted(self, name, least, patience=PATIENCE):
        """Until the kernel has counted so many."""
        def moved():
            return self.ground.kernel.counters()["MPTcpExt" + name] - self.before["MPTcpExt" + name] >= least
        self.until(moved, f"the kernel never counted {name}", patience)

    def until_seen(self, condition, reason, count=1):
        """Until so many packets of a kind were sent."""
        return self.until(lambda: len(self.wire.packets(condition)) >= count and self.wire.packets(condition), reason)

    def check_end(self):
        """Everything closed: the kernel has no socket, our end nothing to say, all counters as they should be."""
        ground = self.ground
        deadline = time.monotonic() + self.cell.patience
        while left := ground.kernel.sockets():
            expect(time.monotonic() < deadline, f"{len(left)} sockets left at the kernel", "\n".join(left))
            time.sleep(0.02)
        said = self.peer.ask("drain", patience=PATIENCE + 2, seconds=PATIENCE)
        expect(said["settled"], "our end has connections that do not end")
        self.check_counters()

    def check_counters(self):
        cell, after = self.cell, self.ground.kernel.counters()
        moved = {name: value - self.before.get(name, 0) for name, value in after.items()}
        wanted = {"MPTcpExt" + name: value for name, value in self.usual().items()}
        wrong = []
        for name in sorted(name for name in moved if name.startswith("MPTcpExt")):
            if name[8:] not in UNDETERMINED and name[8:] not in cell.loose and moved[name] != wanted.get(name, 0):
                wrong.append(f"{name[8:]}={moved[name]} (expected {wanted.get(name, 0)})")
        for name in dict.fromkeys((*TCP_TROUBLE, *cell.tcp_counted)):
            value = cell.tcp_counted.get(name, 0)
            if value is not None and moved.get(name, 0) != value:
                wrong.append(f"{name}={moved.get(name, 0)} (expected {value})")
        expect(not wrong, "the kernel counted " + ", ".join(wrong))
        ours = self.peer.ask("counters")
        for name in dict.fromkeys((*OUR_TROUBLE, *cell.our_counted)):
            value = cell.our_counted.get(name, 0)
            if value is not None and ours.get(name, 0) != value:
                wrong.append(f"{name}={ours.get(name, 0)} (expected {value})")
        expect(not wrong, "our end counted " + ", ".join(wrong))

    def usual(self):
        """What the kernel counts for one connection, and what this cell says beyond that."""
        cell = self.cell
        out = {}
        if not cell.plain_kernel and cell.ours.get("multipath", True):
            if cell.connects:
                out = {"MPCapableSYNRX": 1, "MPCapableACKRX": 1}
            else:
                out = {"MPCapableSYNTX": 1, "MPCapableSYNACKRX": 1}
        elif not cell.connects and not cell.plain_kernel:
            out = {"MPCapableSYNTX": 1, "MPCapableFallbackSYNACK": 1}
        return {**out, **cell.counted}

    def close_all(self):
        if self.kernel:
            self.kernel.close()
        if self.listener:
            self.listener.close()
        if self.peer:
            return self.peer.close()
        return 0

    def clear(self):
        """Nothing of this cell shall meet the next one."""
        status = self.close_all()
        if self.cell.endpoints:
            self.ground.kernel.do("ip", "mptcp", "endpoint", "flush")
        return status


def find_peer(program):
    """`interop_peer`: beside the program, or in a build with tests."""
    named = os.environ.get("INTEROP_PEER")
    places = [named] if named else [os.path.join(os.path.dirname(program), "interop_peer"),
                                    str(ROOT / "build/dev/interop_peer"), str(ROOT / "build/h/interop_peer")]
    for place in places:
        if os.access(place, os.X_OK):
            return place
    raise Skip("interop_peer is not built (ninja -C build/dev interop_peer)")


class Matrix:
    """Plays cells, several on one ground as long as each leaves it clean."""

    def __init__(self, run):
        self.run, self.grounds = run, {}
        self.program = find_peer(run.program)
        self.data = os.urandom(DATA_SIZE)
        self.folder = run.folder / "matrix"
        self.folder.mkdir()
        (self.folder / "data.bin").write_bytes(self.data)

    def ground(self, family):
        if family not in self.grounds:
            self.grounds[family] = Ground(self.folder, self.data, family)
        return self.grounds[family]

    def give_up(self, family):
        ground = self.grounds.pop(family, None)
        if ground:
            ground.close()

    def close(self):
        for family in list(self.grounds):
            self.give_up(family)

    def play(self, cell):
        name, began = "matrix." + cell.name, time.monotonic()
        bench = None
        try:
            ground = self.ground(cell.family)
            bench = Bench(cell, ground, self.program)
            cell.play(bench)
            bench.check_end()
            status = bench.clear()
            expect(status == 0, f"interop_peer ended with status {status}", (self.folder / "peer.log").read_text())
            self.run.note(f"ok {name}")
        except Skip as reason:
            self.run.note(f"skip {name}: {reason}")
        except Exception as failure:  # whatever it is: the next cell has new ground
            self.tell(name, cell, bench, failure)
        self.run.note(f"  {name}: {time.monotonic() - began:.2f} s")

    def tell(self, name, cell, bench, failure):
        reason, details = f"{type(failure).__name__}: {failure}", ""
        if isinstance(failure, Failed):
            reason, details = (*failure.args, "")[:2]
        place = self.run.results / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        if bench:
            bench.wire.save(place / "wire")
            details += self.last_state(bench)
            try:
                bench.clear()
            except Exception as second:
                details += f"\nclearing up: {second}"
            shutil.copy(self.folder / "peer.log", place)
            details += "\n" + (place / "peer.log").read_text()[-2000:]
        self.give_up(cell.family)
        self.run.tell_failure(f"{name}", None, f"{reason} (packets: {place.relative_to(ROOT)})", details)

    @staticmethod
    def last_state(bench):
        text = ""
        after = bench.ground.kernel.counters()
        moved = {key[8:]: value - bench.before[key] for key, value in after.items() if key.startswith("MPTcpExt")}
        text += f"\nkernel: {dict((k, v) for k, v in moved.items() if v)}"
        text += f"\nkernel's sockets: {bench.ground.kernel.sockets()}"
        try:
            text += f"\nours: {bench.peer.ask('counters', patience=1)}"
            if bench.ours and not bench.ours.closed:
                text += f"\nours: {bench.ours.info()}"
        except Exception as error:
            text += f"\nours: {error}"
        return text
