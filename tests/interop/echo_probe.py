"""ICMP echo over IPv4: ADDRESS COUNT GAP_SECONDS. Prints the round-trip times of all answers in ms, sorted, as JSON."""
import json
import os
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return ~total & 0xFFFF


def request(ident, number):
    payload = b"x" * 32
    draft = struct.pack("!BBHHH", 8, 0, 0, ident, number) + payload
    return struct.pack("!BBHHH", 8, 0, checksum(draft), ident, number) + payload


def main(address, count, gap, patience=1.0):
    probe = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    probe.setblocking(False)
    ident, sent, times, due = os.getpid() & 0xFFFF, [], [], time.monotonic()
    while len(sent) < count or time.monotonic() < sent[-1] + patience:
        now = time.monotonic()
        if len(sent) < count and now >= due:
            sent.append(time.monotonic())
            try:
                probe.sendto(request(ident, len(sent) - 1), (address, 0))
            except OSError:
                pass  # no route just now counts as lost
            due += gap
        try:
            packet = probe.recv(2048)
        except BlockingIOError:
            time.sleep(0.0001)
            continue
        kind, _, _, its, number = struct.unpack("!BBHHH", packet[20:28])
        if kind == 0 and its == ident:
            times.append((time.monotonic() - sent[number]) * 1000)
    print(json.dumps(sorted(times)))


main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
