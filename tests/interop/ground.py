"""Where a cell of the matrix takes place: two namespaces without names, cables between them, the kernel's sockets of
this process in the one and `interop_peer` in the other.

Everything belongs to descriptors of this process: when it ends, however it does, nothing is left. A namespace is entered
by a thread (`with space:`), so sockets, counters and settings of the kernel are at hand without starting programs.
"""
import concurrent.futures
import ctypes
import hashlib
import json
import os
import selectors
import socket
import struct
import subprocess
import threading
import time

from cable import Wire, open_tap
from harness import Failed, expect

IPPROTO_MPTCP, SOL_MPTCP, MPTCP_INFO = 262, 284, 1
CLONE_NEWNET = 0x40000000
PATIENCE = 8.0  # seconds until something that must happen counts as not happening; a busy machine needs some
KERNEL_AT, OURS_AT = 2_000_000, 0  # where in the data the kernel's and our stream begin
DATA_SIZE = 4_000_000

libc = ctypes.CDLL(None, use_errno=True)


def check_call(status, what):
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class Space:
    """A network namespace; `with space:` puts the calling thread into it."""

    def __init__(self):
        self.before = threading.local()
        maker = threading.Thread(target=self.make)
        maker.start()
        maker.join()

    def make(self):
        check_call(libc.unshare(CLONE_NEWNET), "unshare")
        self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self):
        stack = self.before.__dict__.setdefault("stack", [])
        stack.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        check_call(libc.setns(self.descriptor, CLONE_NEWNET), "setns")
        return self

    def __exit__(self, *_):
        old = self.before.stack.pop()
        check_call(libc.setns(old, CLONE_NEWNET), "setns")
        os.close(old)

    def close(self):
        os.close(self.descriptor)

    def do(self, *command, check=True, text=None):
        with self:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, input=text, timeout=20)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(map(str, command[:5]))}: status {done.returncode}", done.stderr + done.stdout)
        return done.stdout

    def ip(self, *lines):
        """Lines of `ip -batch`."""
        if lines:
            self.do("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def sysctl(self, name):
        with self, open("/proc/sys/" + name.replace(".", "/")) as file:
            return file.read().strip()

    def set_sysctl(self, name, value):
        with self, open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(str(value))

    def counters(self):
        """Of TCP (RFC 1213's under `Tcp`), TcpExt and MPTcpExt."""
        out = {}
        with self:
            for name in ("snmp", "netstat"):
                lines = open(f"/proc/thread-self/net/{name}").read().splitlines()
                for names, values in zip(lines[::2], lines[1::2]):
                    group = names.split(":")[0]
                    if group in ("Tcp", "TcpExt", "MPTcpExt"):
                        for key, value in zip(names.split()[1:], values.split()[1:]):
                            out[group + key] = int(value)
        return out

    def sockets(self):
        """MPTCP and TCP sockets that are neither listening nor only waiting out TIME-WAIT."""
        lines = []
        for kind in ("-HMan", "-Htan"):
            lines += [f"{kind[2]} {' '.join(line.split())}" for line in self.do("ss", kind).splitlines() if line.strip()]
        return [line for line in lines if line.split()[1] not in ("LISTEN", "TIME-WAIT")]


class Peer:
    """`interop_peer` in a namespace: requests with answers, many under way at a time."""

    def __init__(self, program, space, options, log):
        self.log = open(log, "wb")
        with space:
            self.process = subprocess.Popen([program, json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.log, start_new_session=True)
        self.tags, self.answers, self.buffer = 0, {}, b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        try:
            said = self.answer(0)
            expect(not said.get("error"), f"interop_peer: {said.get('error')}")
        except BaseException:
            self.process.kill()
            self.close()
            raise

    def start(self, verb, **words):
        self.tags += 1
        request = {"tag": self.tags, "do": verb, **words}
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"interop_peer has ended with status {self.process.wait(2)}", self.last_words()) from None
        return self.tags

    def answer(self, tag, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while tag not in self.answers:
            left = deadline - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                raise Failed(f"our end does not answer request {tag} within {patience} s")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise Failed(f"interop_peer ended with status {self.process.wait(2)}", self.last_words())
            *lines, self.buffer = (self.buffer + got).split(b"\n")
            for line in lines:
                said = json.loads(line)
                self.answers[said["tag"]] = said
        return self.answers.pop(tag)

    def ask(self, verb, patience=PATIENCE, **words):
        said = self.answer(self.start(verb, **words), patience)
        expect("broken" not in said, f"our end: {verb}: {said.get('broken')}")
        return said

    def last_words(self):
        self.log.flush()
        return open(self.log.name).read()

    def close(self):
        try:
            self.process.stdin.close()
            status = self.process.wait(3)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        self.selector.close()
        self.log.close()
        return status


def digest(data, at, size):
    return hashlib.sha256(data[at:at + size]).hexdigest()


class End:
    """What both ends of a connection have in common: how far each stream is, and the bytes that belong there."""

    def __init__(self, data, out_at, in_at):
        self.data, self.out_at, self.in_at = data, out_at, in_at

    def take_out(self, size):
        at, self.out_at = self.out_at, self.out_at + size
        expect(self.out_at <= DATA_SIZE, "a cell has no more data")
        return at

    def take_in(self, size):
        at, self.in_at = self.in_at, self.in_at + size
        return at


class OurEnd(End):
    """Our end of a connection, known to the peer by a name."""

    def __init__(self, peer, name, data):
        super().__init__(data, OURS_AT, KERNEL_AT)
        self.peer, self.name, self.closed = peer, name, False

    def start_write(self, size):
        tag = self.peer.start("write", stream=self.name, bytes=size, at=self.take_out(size))

        def done(patience=PATIENCE):
            said = self.peer.answer(tag, patience)
            expect(said.get("bytes") == size and not said["error"], f"our end wrote {said}, {size} bytes expected")
        return done

    def write(self, size):
        self.start_write(size)()

    def start_read(self, size):
        at = self.take_in(size)
        tag = self.peer.start("read", stream=self.name, bytes=size)

        def done(patience=PATIENCE):
            said = self.peer.answer(tag, patience)
            expect(said.get("bytes") == size, f"our end read {said}, {size} bytes expected")
            expect(said["sha256"] == digest(self.data, at, size), "our end read other bytes than the kernel was given")
        return done

    def read(self, size, patience=PATIENCE):
        self.start_read(size)(patience)

    def receive_raw(self, size):
        """The digest of so many bytes, whatever they are."""
        return self.peer.ask("read", stream=self.name, bytes=size)["sha256"]

    def read_end(self, wanted="eof", patience=PATIENCE):
        """The end of the stream, or the error that is wanted there."""
        said = self.peer.ask("read", patience, stream=self.name, bytes=1)
        expect(said["bytes"] == 0 and said["error"] == wanted, f"our end read {said}, {wanted!r} expected")

    def drain(self):
        """Reads whatever is there until the end or an error; how it ended."""
        said = self.peer.ask("read", stream=self.name, bytes=DATA_SIZE)
        expect(said["sha256"] == digest(self.data, self.in_at, said["bytes"]), "our end read other bytes than were sent")
        return said["error"]

    def finish(self):
        said = self.peer.ask("finish", stream=self.name)
        expect(not said["error"], f"our end could not finish: {said}")

    def close(self):
        if not self.closed:
            self.closed = True
            self.peer.ask("close", stream=self.name)

    def abort(self):
        self.closed = True
        self.peer.ask("abort", stream=self.name)

    def info(self):
        return self.peer.ask("info", stream=self.name)

    def wait(self, count, state="active"):
        said = self.peer.ask("wait", stream=self.name, count=count, state=state)
        expect("error" not in said, f"our end: {said.get('error')}", json.dumps(self.info(), indent=1))
        return said


class KernelEnd(End):
    """A socket of the kernel."""
    workers = concurrent.futures.ThreadPoolExecutor(8)

    def __init__(self, sock, data):
        super().__init__(data, KERNEL_AT, OURS_AT)
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_write(self, size):
        at = self.take_out(size)
        future = self.workers.submit(self.sock.sendall, self.data[at:at + size])

        def done(patience=PATIENCE):
            try:
                future.result(patience)
            except (OSError, concurrent.futures.TimeoutError) as error:
                raise Failed(f"the kernel's end could not write {size} bytes: {error!r}") from None
        return done

    def write(self, size):
        self.start_write(size)()

    def receive(self, size):
        got = bytearray()
        while len(got) < size:
            block = self.sock.recv(min(size - len(got), 1 << 18))
            if not block:
                break
            got += block
        return bytes(got)

    def receive_raw(self, size):
        return hashlib.sha256(self.receive(size)).hexdigest()

    def start_read(self, size):
        at = self.take_in(size)
        future = self.workers.submit(self.receive, size)

        def done(patience=PATIENCE):
            try:
                got = future.result(patience)
            except (OSError, concurrent.futures.TimeoutError) as error:
                raise Failed(f"the kernel's end did not read {size} bytes: {error!r}") from None
            expect(len(got) == size, f"the kernel's end read {len(got)} bytes, {size} expected")
            expect(hashlib.sha256(got).hexdigest() == digest(self.data, at, size),
                   "the kernel's end read other bytes than our end was given")
        return done

    def read(self, size, patience=PATIENCE):
        self.start_read(size)(patience)

    def read_end(self, wanted="eof", patience=PATIENCE):
        self.sock.settimeout(patience)
        try:
            got = self.sock.recv(1)
            said = "eof" if not got else "a byte"
        except OSError as error:
            said = os.strerror(error.errno) if error.errno else str(error)
        expect(said == wanted, f"the kernel's end read {said!r}, {wanted!r} expected")

    def finish(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def abort(self):
        """Close with SO_LINGER 0."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def info(self):
        """Of struct mptcp_info what cells look at; None when the socket is TCP's."""
        try:
            raw = self.sock.getsockopt(SOL_MPTCP, MPTCP_INFO, 256)
        except OSError:
            return None
        subflows, flags = raw[0], struct.unpack_from("I", raw, 8)[0]
        return {"subflows": subflows, "fallback": bool(flags & 1), "checksum": bool(raw[42]) if len(raw) > 42 else None}

    def protocol(self):
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) != IPPROTO_MPTCP:
            return "tcp"
        info = self.info()
        return "tcp" if info is None or info["fallback"] else "mptcp"


# What the kernel's side is set to before each cell; a cell's own settings come on top.
SETTINGS = {"net.mptcp.checksum_enabled": 0, "net.mptcp.allow_join_initial_addr_port": 1, "net.mptcp.close_timeout": 60,
            "net.mptcp.add_addr_timeout": 120, "net.mptcp.blackhole_timeout": 0,
            "net.mptcp.syn_retrans_before_tcp_fallback": 2, "net.ipv4.tcp_timestamps": 1, "net.ipv4.tcp_sack": 1,
            "net.ipv4.tcp_window_scaling": 1, "net.ipv4.tcp_syncookies": 1, "net.ipv4.tcp_ecn": 2,
            "net.ipv4.tcp_congestion_control": "reno", "net.ipv4.tcp_no_metrics_save": 1,
            "net.ipv4.tcp_rmem": "4096 131072 6291456", "net.ipv4.tcp_wmem": "4096 262144 6291456",
            "net.ipv4.tcp_fin_timeout": 60}


class Ground:
    """Two namespaces, `links` cables: path1, path2, ... Addresses of one family: ours end in .2, the kernel's in .1."""

    def __init__(self, folder, data, family="v4", links=2):
        self.folder, self.family, self.links = folder, family, links
        self.data = data
        self.data_file = folder / "data.bin"
        self.ours, self.kernel = Space(), Space()
        taps, self.next_port = {}, 8000
        for side, space in (("ours", self.ours), ("kernel", self.kernel)):
            for link in range(1, links + 1):
                with space:
                    taps[side, link] = open_tap(f"path{link}")
        self.wire = Wire(taps)
        for side, space in (("ours", self.ours), ("kernel", self.kernel)):
            for which in ("all", "default"):
                space.set_sysctl(f"net.ipv4.conf.{which}.rp_filter", 0)
            if family == "v4":
                for which in ("all", "default"):
                    space.set_sysctl(f"net.ipv6.conf.{which}.disable_ipv6", 1)
            lines = ["link set lo up"]
            for link in range(1, links + 1):
                lines += [f"link set path{link} up", self.address_line(side, link)]
            space.ip(*lines)
        # What comes from an address leaves on its own link, wherever it goes.
        for link in range(1, links + 1):
            six = "-6" if family == "v6" else "-4"
            self.kernel.do("ip", six, "route", "add", "default", "dev", f"path{link}", "table", 100 + link)
            self.kernel.do("ip", six, "rule", "add", "from", self.address("kernel", link), "table", 100 + link)
        self.settings = dict(SETTINGS)
        for name, value in SETTINGS.items():
            self.kernel.set_sysctl(name, value)
        self.kernel.do("ip", "mptcp", "limits", "set", "subflows", 8, "add_addr_accepted", 8)

    def address(self, side, link=1):
        last = {"ours": 2, "kernel": 1}[side]
        return f"10.0.{link}.{last}" if self.family == "v4" else f"fd00:{link}::{last}"

    def address_line(self, side, link, verb="add"):
        length, more = (24, "") if self.family == "v4" else (64, " nodad" if verb == "add" else "")
        return f"address {verb} {self.address(side, link)}/{length} dev path{link}{more}"

    def lost_with_device(self, side, link):
        """What must be told again after a device was down: IPv6 forgets its addresses then."""
        return [self.address_line(side, link)] if self.family == "v6" else []

    def set_kernel(self, settings):
        """The kernel's settings as for every cell, but for these."""
        wanted = dict(SETTINGS, **settings)
        for name, value in wanted.items():
            if self.settings.get(name) != value:
                self.kernel.set_sysctl(name, value)
        self.settings = wanted

    def kernel_socket(self, protocol=IPPROTO_MPTCP):
        with self.kernel:
            return socket.socket(socket.AF_INET if self.family == "v4" else socket.AF_INET6, socket.SOCK_STREAM, protocol)

    def port(self):
        self.next_port += 1
        return self.next_port

    def close(self):
        self.wire.close()
        self.ours.close()
        self.kernel.close()
