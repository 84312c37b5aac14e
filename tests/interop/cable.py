"""Cables between two namespaces on which every packet can be named, and lost, held, doubled or changed.

A cable is a TAP device in each namespace and this process between them: nothing is offloaded, so that what is here is
what a wire would carry, and the n-th packet is the n-th packet on every run. `Wire` moves the packets in a thread; the
rules of a case (rules.py) see those of TCP. For small transfers: what shall be fast belongs into a lab.
"""
import fcntl
import heapq
import os
import select
import socket
import struct
import threading
import time

CAPABLE, JOIN, DSS, ADD_ADDR, REMOVE_ADDR, PRIO, FAIL, FASTCLOSE, TCPRST = range(9)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MPTCP_KIND = 30


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Packet:
    """An Ethernet frame with TCP in it. Who changes `options` or `payload` calls `seal`."""

    def __init__(self, frame, sender, link):
        self.frame, self.sender, self.link = bytearray(frame), sender, link
        self.number = 0  # among all TCP packets of the case, from 1
        six = frame[12:14] == b"\x86\xdd"
        self.tcp = 54 if six else 14 + (frame[14] & 15) * 4
        self.six = six
        head = frame[self.tcp:self.tcp + 20]
        self.source, self.destination, self.seq, self.ack, offset, self.flags, self.window = struct.unpack(
            "!HHIIBBH", head[:16])
        self.end = 54 + int.from_bytes(frame[18:20]) if six else 14 + int.from_bytes(frame[16:18])
        self.data = self.tcp + (offset >> 4) * 4
        self.options = list(self.read_options(bytes(frame[self.tcp + 20:self.data])))
        self.payload = bytes(frame[self.data:self.end])

    @staticmethod
    def is_tcp(frame):
        if frame[12:14] == b"\x08\x00":
            return frame[23] == 6
        return frame[12:14] == b"\x86\xdd" and frame[20] == 6

    @staticmethod
    def read_options(raw):
        """Each option as its bytes; padding left out."""
        at = 0
        while at < len(raw) and raw[at] != 0:
            if raw[at] == 1:
                at += 1
                continue
            length = raw[at + 1] if at + 1 < len(raw) else 0
            if length < 2 or at + length > len(raw):
                return
            yield raw[at:at + length]
            at += length

    def has_flags(self, *flags):
        return all(self.flags & flag for flag in flags)

    def mptcp(self, subtype=None):
        """The first MPTCP option (of that subtype), or empty."""
        for option in self.options:
            if option[0] == MPTCP_KIND and (subtype is None or option[2] >> 4 == subtype):
                return option
        return b""

    def copy(self):
        other = Packet(bytes(self.frame), self.sender, self.link)
        other.number = self.number
        return other

    def seal(self):
        """Writes options and payload back, with all lengths and checksums right."""
        options = b"".join(self.options)
        options += b"\1" * (-len(options) % 4)
        head = bytearray(self.frame[:self.tcp + 20])
        tcp = self.tcp
        head[tcp + 12] = (20 + len(options)) // 4 << 4
        head[tcp + 13] = self.flags
        struct.pack_into("!II", head, tcp + 4, self.seq, self.ack)
        struct.pack_into("!H", head, tcp + 16, 0)
        length = 20 + len(options) + len(self.payload)
        if self.six:
            struct.pack_into("!H", head, 18, length)
            addresses = bytes(head[22:54])
        else:
            struct.pack_into("!HH", head, 16, tcp - 14 + length, struct.unpack_from("!H", head, 18)[0])
            struct.pack_into("!H", head, 24, 0)
            struct.pack_into("!H", head, 24, checksum(bytes(head[14:tcp])))
            addresses = bytes(head[26:34])
        segment = bytes(head[tcp:]) + options + self.payload
        total = checksum(addresses + struct.pack("!IBBH", length, 0, 0, 6) + segment)
        struct.pack_into("!H", head, tcp + 16, total)
        self.frame = head + options + self.payload
        self.data = tcp + 20 + len(options)
        self.end = self.data + len(self.payload)
        return self

    def text(self):
        names = "".join(letter for bit, letter in ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, ".")) if
                        self.flags & bit)
        subtypes = ("capable", "join", "dss", "add_addr", "remove_addr", "prio", "fail", "fastclose", "tcprst")
        options = " ".join(f"{subtypes[one[2] >> 4] if one[2] >> 4 < 9 else one[2] >> 4}[{one[2:].hex()}]"
                           for one in self.options if one[0] == MPTCP_KIND)
        for one in self.options:
            if one[0] == 5:  # SACK: relative to the acknowledgement
                edges = struct.unpack(f"!{(len(one) - 2) // 4}I", one[2:])
                options += " sack" + str([(edge - self.ack + (1 << 31)) % (1 << 32) - (1 << 31) for edge in edges])
        return (f"#{self.number} {self.sender} path{self.link} {self.source}>{self.destination} {names} seq={self.seq} "
                f"ack={self.ack} win={self.window} len={len(self.payload)} {options}")


def open_tap(name):
    """A TAP device in the namespace of this thread."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    tap, no_header, set_interface = 0x0002, 0x1000, 0x400454ca  # IFF_TAP, IFF_NO_PI, TUNSETIFF
    fcntl.ioctl(descriptor, set_interface, struct.pack("16sH22x", name.encode(), tap | no_header))
    return descriptor


class Wire:
    """All cables of a pair of namespaces, and the thread that serves them."""

    SIDES = ("ours", "kernel")

    def __init__(self, taps):
        """`taps`: descriptors by (side, number of the link)."""
        self.taps = taps
        self.lock = threading.Lock()
        self.reset()
        self.poll = select.epoll()
        self.who = {}
        for place, descriptor in taps.items():
            self.poll.register(descriptor, select.EPOLLIN)
            self.who[descriptor] = place
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.poll.register(self.wake_read, select.EPOLLIN)
        self.stopped = False
        self.broken = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def reset(self, rules=(), delay=0.0, observe=None):
        """A new case: rules, one-way delay in seconds, and nothing seen so far."""
        with self.lock:
            self.rules, self.delay, self.observe = list(rules), delay, observe
            self.seen, self.notes, self.under_way, self.count, self.pushed = [], [], [], 0, 0

    def close(self):
        self.stopped = True
        os.write(self.wake_write, b"x")
        self.thread.join(5)
        self.poll.close()
        for descriptor in (*self.taps.values(), self.wake_read, self.wake_write):
            os.close(descriptor)

    def note(self, text):
        self.notes.append((time.time(), text))

    def run(self):
        while not self.stopped:
            wait = -1
            if self.under_way:
                wait = max(0.0, self.under_way[0][0] - time.monotonic())
            ready = self.poll.poll(wait)
            with self.lock:
                for descriptor, _ in ready:
                    if descriptor == self.wake_read:
                        os.read(self.wake_read, 100)
                    else:
                        self.take(descriptor)
                self.deliver_due()

    def take(self, descriptor):
        sender, link = self.who[descriptor]
        for _ in range(64):  # then the other ends have their turn
            try:
                frame = os.read(descriptor, 65536)
            except BlockingIOError:
                return
            except OSError as error:  # the device is down just now
                self.note(f"{sender} path{link}: {error}")
                return
            if not Packet.is_tcp(frame):
                self.send(frame, sender, link)
                continue
            packet = Packet(frame, sender, link)
            self.count += 1
            packet.number = self.count
            self.seen.append((time.time(), bytes(frame), packet))
            self.pass_on(packet)

    def pass_on(self, packet):
        """Through the rules, then on the way."""
        packets = [packet]
        for rule in self.rules:
            out = []
            for one in packets:
                said = rule(one)
                if said is not None and (len(said) != 1 or said[0] is not one):
                    self.note(f"{type(rule).__name__}: {one.text()} -> {[p.number for p in said]}")
                out += [one] if said is None else said
            packets = out
        for one in packets:
            if self.observe:
                self.observe(one)
            self.send(bytes(one.frame), one.sender, one.link)

    def send(self, frame, sender, link, extra=0.0):
        if self.delay or extra or self.under_way:
            self.pushed += 1
            due = time.monotonic() + self.delay + extra
            heapq.heappush(self.under_way, (due, self.pushed, frame, sender, link))
        else:
            self.write(frame, sender, link)

    def deliver_due(self):
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            _, _, frame, sender, link = heapq.heappop(self.under_way)
            self.write(frame, sender, link)

    def write(self, frame, sender, link):
        other = self.SIDES[1 - self.SIDES.index(sender)]
        try:
            os.write(self.taps[other, link], frame)
        except OSError as error:
            self.note(f"to {other} path{link}: {error}")

    # --- for the case, from its own thread

    def packets(self, condition=lambda packet: True):
        """TCP packets that were sent so far, as their senders sent them."""
        with self.lock:
            return [packet for _, _, packet in self.seen if condition(packet)]

    def inject(self, packet):
        """Sends a packet of the case's own making; no rule sees it."""
        with self.lock:
            self.note(f"injected: {packet.text()}")
            self.send(bytes(packet.frame), packet.sender, packet.link)
        os.write(self.wake_write, b"x")

    def add_rule(self, rule):
        with self.lock:
            self.rules.append(rule)

    def save(self, path):
        """All TCP packets as they were sent, as a pcap file, and a text with the rules' doings."""
        with self.lock:
            with open(f"{path}.pcap", "wb") as out:
                out.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
                for when, frame, _ in self.seen:
                    out.write(struct.pack("=IIII", int(when), int(when % 1 * 1e6), len(frame), len(frame)) + frame)
            lines = [(when, packet.text()) for when, _, packet in self.seen] + [(w, "  * " + t) for w, t in self.notes]
            first = min((when for when, _ in lines), default=0)
            with open(f"{path}.txt", "w") as out:
                for when, text in sorted(lines, key=lambda line: line[0]):
                    out.write(f"{when - first:8.4f} {text}\n")
