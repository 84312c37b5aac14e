#!/usr/bin/env python3
"""What we write means to tshark what the notation says.

make_pcap writes segments into a capture and prints them in notation. This script reads the notation on its own,
works out which fields tshark must show, and compares every field of every packet.
usage: tshark_fields.py <make_pcap>
"""
import ipaddress
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77  # CTest's SKIP_RETURN_CODE
RANDOM_SEGMENTS = 600

M = "tcp.options.mptcp."
FIELDS = {  # our name -> tshark's
    "seq": "tcp.seq_raw", "ack": "tcp.ack_raw", "flags": "tcp.flags", "len": "tcp.len",
    "win": "tcp.window_size_value", "tcp_ok": "tcp.checksum.status", "malformed": "_ws.malformed",
    "mss": "tcp.options.mss_val", "wscale": "tcp.options.wscale.shift", "tsval": "tcp.options.timestamp.tsval",
    "tsecr": "tcp.options.timestamp.tsecr", "sack_left": "tcp.options.sack_le", "sack_right": "tcp.options.sack_re",
    "subtype": M + "subtype", "version": M + "version", "A": M + "checksumreq.flags", "B": M + "extensibility.flag",
    "C": M + "nomoresubflows.flag", "H": M + "sha256.flag", "sendkey": M + "sendkey", "recvkey": M + "recvkey",
    "token": M + "recvtok", "nonce": M + "sendrand", "mac64": M + "sendtrunchmac", "mac160": M + "sendhmac",
    "backup": M + "backup.flag", "id": M + "addrid", "fin": M + "datafin.flag", "dack": M + "rawdataack",
    "dsn": M + "rawdataseqno", "ssn": M + "subflowseqno", "dll": M + "datalvllen", "csum": M + "checksum",
    "echo": M + "echo", "ipv4": M + "ipv4", "ipv6": M + "ipv6", "port": M + "port", "addmac": M + "addaddrtrunchmac",
    "reason": M + "rst_reason", "T": M + "flag_T.flag", "removed": "mptcp.rm_addr.count", "raw": "tcp.options",
    "cookie": "tcp.options.tfo.cookie", "in_minutes": "tcp.options.user_to_granularity",
    "user_timeout": "tcp.options.user_to_val",
}
HEX_FIELDS = {"flags", "csum", "reason"}
REASONS = ["unspecified", "mptcp_error", "lack_of_resources", "administratively_prohibited",
           "too_much_outstanding_data", "unacceptable_performance", "middlebox_interference"]


class Expected(dict):
    """Field name -> list of values as text; absent fields must be empty in tshark's answer."""

    def add(self, field, value):
        self.setdefault(field, []).append(str(value))


def attributes(words):
    return dict(w.split("=", 1) for w in words if "=" in w)


def expect_capable(out, words):
    at = attributes(words)
    out.add("subtype", 0)
    out.add("version", words[1][1:])
    out.add("A", int("checksum" in words))
    out.add("B", int("extensibility" in words))
    if words[1] != "v0":  # flag C and SHA-256 are version 1's (RFC 8684 §3.1)
        out.add("C", int("no_more_to_this" in words))
        out.add("H", int("no_sha256" not in words))
    if "key" in at:
        out.add("sendkey", int(at["key"], 0))
    if "keys" in at:
        sender, receiver = at["keys"].split(",")
        out.add("sendkey", int(sender, 0))
        out.add("recvkey", int(receiver, 0))
    if "length" in at:
        out.add("dll", at["length"])
    if "csum" in at:
        out.add("csum", int(at["csum"], 0))


def expect_join(out, words):
    at = attributes(words)
    out.add("subtype", 1)
    if len(at.get("mac", "")) == 42:
        out.add("mac160", at["mac"][2:])
        return
    out.add("backup", int("backup" in words))
    out.add("id", at["id"])
    out.add("nonce", int(at["nonce"], 0))
    if "token" in at:
        out.add("token", int(at["token"], 0))
    else:
        out.add("mac64", int(at["mac"], 0))


def expect_dss(out, words):
    at = attributes(words)
    out.add("subtype", 2)
    out.add("fin", int("fin" in words))
    ack = at.get("ack", at.get("ack4"))
    if ack is not None:
        out.add("dack", ack)
    mapping = at.get("map", at.get("map4"))
    if mapping is not None:
        dsn, ssn, length = re.fullmatch(r"(\d+):(\d+)\+(\d+)", mapping).groups()
        out.add("dsn", dsn)
        out.add("ssn", ssn)
        out.add("dll", length)
    if "csum" in at:
        out.add("dss_csum", int(at["csum"], 0))


def expect_add_addr(out, words):
    at = attributes(words)
    out.add("subtype", 3)
    if "v0" not in words:
        out.add("echo", int("echo" in words))
    out.add("id", at["id"])
    text = next(w for w in words[1:] if "=" not in w and w not in ("echo", "v0"))
    with_port = re.fullmatch(r"(\d+\.\d+\.\d+\.\d+|\[.*\]):(\d+)", text)
    if with_port:
        text = with_port.group(1).strip("[]")
        out.add("port", with_port.group(2))
    address = ipaddress.ip_address(text)
    out.add("ipv4" if address.version == 4 else "ipv6", address)
    if "mac" in at:
        out.add("addmac", int(at["mac"], 0))


def expect_option(out, words):
    name, at = words[0], attributes(words)
    if name == "mss":
        out.add("mss", words[1])
    elif name == "wscale":
        out.add("wscale", words[1])
    elif name == "TS":
        out.add("tsval", words[2])
        out.add("tsecr", words[4])
    elif name == "sack":
        for block in words[1:]:
            left, right = block.split(":")
            out.add("sack_left", left)
            out.add("sack_right", right)
    elif name in ("capable", "join", "dss", "add_addr"):
        {"capable": expect_capable, "join": expect_join, "dss": expect_dss, "add_addr": expect_add_addr}[name](
            out, words)
    elif name == "remove_addr":
        out.add("subtype", 4)
        out.add("removed", len(words) - 1)
        for one in words[1:]:
            out.add("id", one)
    elif name == "prio":
        out.add("subtype", 5)
        out.add("backup", int("backup" in words))
        if "id" in at:
            out.add("id", at["id"])
    elif name == "fail":
        out.add("subtype", 6)
        out.add("dsn", at["dsn"])
    elif name == "fast_close":
        out.add("subtype", 7)
        out.add("recvkey", int(at["key"], 0))
    elif name == "reset":
        out.add("subtype", 8)
        out.add("T", int("transient" in words))
        out.add("reason", REASONS.index(at["reason"]) if at["reason"] in REASONS else int(at["reason"]))
    elif name == "fast_open":
        if len(words) > 1:
            out.add("cookie", words[1][2:])
    elif name == "user_timeout":
        value, unit = re.fullmatch(r"(\d+)(s|min)", words[1]).groups()
        out.add("in_minutes", int(unit == "min"))
        out.add("user_timeout", value)
    elif name != "sackOK":
        raise ValueError(f"no expectation for {name}")


def expected_of(line):
    head, _, options = line.rstrip(">").partition(" <")
    words = head.split()
    out = Expected()
    bits = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128, "-": 0}
    out.add("flags", sum(bits[c] for c in words[0]))
    begin, _, length = re.fullmatch(r"(\d+):(\d+)\((\d+)\)", words[1]).groups()
    out.add("seq", begin)
    out.add("len", length)
    out.add("ack", words[words.index("ack") + 1] if "ack" in words else 0)
    out.add("win", words[words.index("win") + 1] if "win" in words else 1000)
    out.add("tcp_ok", 1)
    for option in filter(None, options.split(", ")):
        expect_option(out, option.split())
    return out


def dss_checksums(options):
    """The last two bytes of each DSS option that has room for a checksum: tshark 4.0 does not show them."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        option = options[at:at + options[at + 1]]
        if option[0] == 30 and option[2] >> 4 == 2 and option[3] & 4:
            flags = option[3]
            plain = 4 + 6 + (8 if flags & 8 else 4) + ((8 if flags & 2 else 4) if flags & 1 else 0)
            if len(option) == plain + 2:
                yield str(int.from_bytes(option[-2:], "big"))
        at += len(option)


def seen_by_tshark(capture):
    command = ["tshark", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
               "-E", "aggregator=;", "-o", "tcp.relative_sequence_numbers:FALSE",
               "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    for field in FIELDS.values():
        command += ["-e", field]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for row in text.rstrip("\n").split("\n"):
        seen = {}
        for name, value in zip(FIELDS, row.split("\t")):
            values = value.split(";") if value else []
            if name in HEX_FIELDS:
                values = [str(int(v, 16)) for v in values]
            seen[name] = [v.replace(":", "") for v in values] if name == "mac160" else values
        raw = "".join(seen.pop("raw")).replace(":", "")
        seen["dss_csum"] = list(dss_checksums(bytes.fromhex(raw)))
        yield seen


def main(make_pcap):
    if not shutil.which("tshark"):
        print("skipped: no tshark")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        capture = folder + "/segments.pcap"
        printed = subprocess.run([make_pcap, capture, str(RANDOM_SEGMENTS)], check=True, capture_output=True, text=True)
        lines = printed.stdout.splitlines()
        rows = list(seen_by_tshark(capture))
    compared = wrong = 0
    if len(rows) != len(lines):
        print(f"{len(lines)} segments written, {len(rows)} seen")
        return 1
    for number, (line, seen) in enumerate(zip(lines, rows), 1):
        if "unknown" in line:
            continue  # not a form of either RFC
        expected = expected_of(line)
        for field in seen:
            compared += 1
            if expected.get(field, []) != seen[field]:
                wrong += 1
                print(f"packet {number}: {line}\n  {field}: written {expected.get(field, [])}, seen {seen[field]}")
    print(f"{len(lines)} segments, {compared} fields compared, {wrong} differ")
    return 1 if wrong or compared < 1000 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
