#!/usr/bin/env python3
"""An exchange in version 0 of MPTCP, as tshark and RFC 6824 see it.

make_v0_capture writes two simulated connections. tshark decodes every packet without complaint, and this script works
out from the keys on the SYNs what tokens, MACs and data sequence numbers must be (RFC 6824 §3.1, §3.2), with Python's
own SHA-1.
usage: tshark_v0.py <make_v0_capture>
"""
import hashlib
import hmac
import shutil
import struct
import subprocess
import sys
import tempfile

SKIPPED = 77  # CTest's SKIP_RETURN_CODE
M = "tcp.options.mptcp."
FIELDS = {
    "src": "ip.src", "sport": "tcp.srcport", "dst": "ip.dst", "dport": "tcp.dstport", "flags": "tcp.flags",
    "len": "tcp.len", "ok": "tcp.checksum.status", "malformed": "_ws.malformed", "severity": "_ws.expert.severity",
    "expert": "_ws.expert.message", "subtype": M + "subtype", "version": M + "version", "A": M + "checksumreq.flags",
    "sendkey": M + "sendkey", "recvkey": M + "recvkey", "token": M + "recvtok", "nonce": M + "sendrand",
    "mac64": M + "sendtrunchmac", "mac160": M + "sendhmac", "dsn": M + "rawdataseqno", "dack": M + "rawdataack",
    "fin": M + "datafin.flag", "id": M + "addrid", "ipv4": M + "ipv4", "addmac": M + "addaddrtrunchmac",
    "echo": M + "echo",
}
PI_ERROR = 0x00800000  # Wireshark's severity "Error"
CAPABLE, JOIN, DSS, ADD_ADDR, FAST_CLOSE, TCPRST = 0, 1, 2, 3, 7, 8


def packets(capture):
    command = ["tshark", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
               "-E", "aggregator=;", "-o", "tcp.relative_sequence_numbers:FALSE", "-o", "tcp.check_checksum:TRUE"]
    for field in FIELDS.values():
        command += ["-e", field]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for row in text.rstrip("\n").split("\n"):
        seen = dict(zip(FIELDS, row.split("\t")))
        packet = {name: value.split(";") if value else [] for name, value in seen.items()}
        packet["flags"] = int(packet["flags"][0], 16)
        packet["subtype"] = [int(s, 0) for s in packet["subtype"]]
        packet["from"] = (packet["src"][0], packet["sport"][0])
        packet["to"] = (packet["dst"][0], packet["dport"][0])
        yield packet


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def sha1(key):
    return hashlib.sha1(struct.pack(">Q", key)).digest()


def token(key):
    return int.from_bytes(sha1(key)[:4], "big")


def idsn(key):
    return int.from_bytes(sha1(key)[-8:], "big")


def join_mac(sender, receiver, own_nonce, other_nonce):
    return hmac.new(struct.pack(">QQ", sender, receiver), struct.pack(">II", own_nonce, other_nonce),
                    hashlib.sha1).digest()


class Connection:
    def __init__(self, client_key):
        self.client, self.server = client_key, None
        self.first_dsn = {}  # by sender: "client", "server"


class Check:
    def __init__(self):
        self.by_flow = {}    # (client's end, server's end) -> Connection
        self.by_token = {}
        self.nonces = {}     # flow of a join -> nonce of its SYN, then of its SYN/ACK
        self.counts = {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def take(self, p):
        expect(not p["malformed"], "malformed")
        expect(all(int(s) < PI_ERROR for s in p["severity"]), f"tshark complains: {p['expert']}")
        expect(p["ok"] == ["1"], "TCP checksum")
        expect(TCPRST not in p["subtype"], "MP_TCPRST is not of version 0")
        expect(all(v == "0" for v in p["version"]), f"version {p['version']}")
        syn, ack = p["flags"] & 2, p["flags"] & 16
        if CAPABLE in p["subtype"]:
            self.capable(p, syn, ack)
        if JOIN in p["subtype"]:
            self.join(p, syn, ack)
        if DSS in p["subtype"]:
            self.dss(p)
        if ADD_ADDR in p["subtype"]:
            self.count("add_addr")
            expect(p["ipv4"] and not p["addmac"] and not p["echo"], "ADD_ADDR with neither MAC nor echo")
        if FAST_CLOSE in p["subtype"]:
            self.count("fast_close")
            expect(not p["flags"] & 4 and ack, "MP_FASTCLOSE on an ACK (RFC 6824 §3.5)")
            self.both(p, lambda c, mine, theirs: expect(int(p["recvkey"][0]) == theirs, "its key"))

    def both(self, p, use):
        """Calls use(connection, sender's key, receiver's key)."""
        for flow, is_client in (((p["from"], p["to"]), True), ((p["to"], p["from"]), False)):
            c = self.by_flow.get(flow)
            if c:
                return use(c, *((c.client, c.server) if is_client else (c.server, c.client)))
        raise AssertionError("of no connection")

    def capable(self, p, syn, ack):
        if syn and not ack:
            self.count("syn")
            self.by_flow[p["from"], p["to"]] = Connection(int(p["sendkey"][0]))
        elif syn:
            self.count("syn_ack")
            c = self.by_flow[p["to"], p["from"]]
            c.server = int(p["sendkey"][0])
            self.by_token[token(c.server)] = c
        else:
            self.count("third_ack")
            c = self.by_flow[p["from"], p["to"]]
            expect(int(p["sendkey"][0]) == c.client and int(p["recvkey"][0]) == c.server, "both keys, as on the SYNs")
            expect(p["len"] == ["0"], "no data with MP_CAPABLE")
        expect(p["A"] == ["1"], "checksums were asked for by the client and are confirmed")

    def join(self, p, syn, ack):
        if syn and not ack:
            self.count("join")
            c = self.by_token[int(p["token"][0])]  # a token that no key gives ends the test here
            flow = p["from"], p["to"]
            self.by_flow[flow] = c
            self.nonces[flow] = [int(p["nonce"][0])]
        elif syn:
            c, flow = self.by_flow[p["to"], p["from"]], (p["to"], p["from"])
            self.nonces[flow] = [self.nonces[flow][0], int(p["nonce"][0])]
            mine = join_mac(c.server, c.client, *reversed(self.nonces[flow]))
            expect(int(p["mac64"][0]) == int.from_bytes(mine[:8], "big"), "the server's MAC")
        else:
            self.count("join_mac")
            c, flow = self.by_flow[p["from"], p["to"]], (p["from"], p["to"])
            expect(p["mac160"][0].replace(":", "") == join_mac(c.client, c.server, *self.nonces[flow]).hex(),
                   "the client's MAC")

    def dss(self, p):
        def numbers(c, mine, theirs):
            data = p["len"] != ["0"]
            if p["dsn"] and data:
                who = "client" if mine == c.client else "server"
                first = c.first_dsn.setdefault(who, int(p["dsn"][0]))
                expect(first == (idsn(mine) + 1) % 2**64, "the first byte's number is the IDSN plus one")
            if p["dack"]:
                # Wide or narrow; never far from the IDSN, for the exchange is short.
                ack = int(p["dack"][0])
                wide = ack > 0xffffffff
                ahead = (ack - idsn(theirs)) % (2**64 if wide else 2**32)
                expect(1 <= ahead < 200_000, f"DATA_ACK {ahead} after the IDSN")
            if "1" in p["fin"]:
                self.count("data_fin")
        self.both(p, numbers)


def main(make_capture):
    if not shutil.which("tshark"):
        print("skipped: no tshark")
        return SKIPPED
    check, number = Check(), 0
    with tempfile.TemporaryDirectory() as folder:
        capture = folder + "/v0.pcapng"
        subprocess.run([make_capture, capture], check=True)
        for number, packet in enumerate(packets(capture), 1):
            try:
                check.take(packet)
            except (AssertionError, KeyError, IndexError) as trouble:
                print(f"packet {number}: {type(trouble).__name__} {trouble}\n  {packet}")
                return 1
    print(f"{number} packets: {check.counts}")
    wanted = {"syn": 2, "syn_ack": 2, "third_ack": 2, "join": 2, "join_mac": 2, "add_addr": 1, "data_fin": 2,
              "fast_close": 1}
    missing = [what for what, least in wanted.items() if check.counts.get(what, 0) < least]
    if missing:
        print(f"too few of: {missing}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
