#!/usr/bin/env python3
"""`anabranch get` and `anabranch serve` as people use them: real packets between two network namespaces with two links.

    transfer_test.py PROGRAM [NAME...]     run all tests, or those named

Needs root; without it, it is skipped (status 77). The peers are anabranch itself and the kernel's TCP and MPTCP.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PREFIX = f"{os.environ.get('ANABRANCH_TEST_PREFIX', 'abtest')}-{os.getpid()}"
CLIENT, SERVER = f"{PREFIX}-c", f"{PREFIX}-s"
LINKS = [("10.91.1", "fd91:1::"), ("10.91.2", "fd91:2::")]
PORT = 8080
FIRST = f"http://{LINKS[0][0]}.2:{PORT}"

# A server of the kernel's that follows a script: python code gets `connection` after the request was read.
SCRIPTED = """
import socket, sys
kind, code = sys.argv[1], sys.argv[2]
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262 if kind == "mptcp" else 0)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 8080)); listener.listen()
if len(sys.argv) > 3:
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    listener = context.wrap_socket(listener, server_side=True)
print("listening", flush=True)
while True:
    try:
        connection, _ = listener.accept()
        request = b""
        while b"\\r\\n\\r\\n" not in request:
            request += connection.recv(65536)
        exec(code)
        if len(sys.argv) > 3:
            connection = connection.unwrap()
    except OSError:
        continue
    connection.close()
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *map(str, command)]


def build_network():
    for namespace in (CLIENT, SERVER):
        ip("netns", "add", namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
        # No waiting for duplicate address detection of link-local addresses, from which neighbours are asked for.
        subprocess.run(inside(namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"), capture_output=True)
    for number, (v4, v6) in enumerate(LINKS):
        ip("-n", CLIENT, "link", "add", f"net{number}", "type", "veth", "peer", "name", f"net{number}", "netns", SERVER)
        for namespace, last in ((CLIENT, 1), (SERVER, 2)):
            device = ["dev", f"net{number}"]
            ip("-n", namespace, "address", "add", f"{v4}.{last}/24", *device)
            ip("-n", namespace, "address", "add", f"{v6}{last}/64", *device, "nodad")
            ip("-n", namespace, "link", "set", f"net{number}", "up")
        # A rate makes a download long enough to be watched and to want a second path.
        for namespace in (CLIENT, SERVER):
            subprocess.run(inside(namespace, "tc", "qdisc", "add", "dev", f"net{number}", "root", "tbf", "rate",
                                  "100mbit", "burst", "128kb", "latency", "50ms"), check=True, capture_output=True)
    # The client reaches every server address over every link, as a host with two providers does.
    for number, (v4, v6) in enumerate(LINKS):
        other = LINKS[1 - number]
        ip("-n", CLIENT, "route", "add", f"{other[0]}.0/24", "via", f"{v4}.2", "dev", f"net{number}", "metric", "500")
    subprocess.run(inside(SERVER, "ip", "mptcp", "limits", "set", "subflow", "8", "add_addr_accepted", "8"),
                   capture_output=True)
    subprocess.run(inside(SERVER, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0"), capture_output=True)


def remove_network():
    for namespace in (CLIENT, SERVER):
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True)


@contextlib.contextmanager
def running(namespace, *command, ready="listening", stop=signal.SIGTERM):
    process = subprocess.Popen(inside(namespace, *command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert ready in line, f"{command}: {line!r} {process.stderr.read() if process.poll() is not None else ''}"
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.ended = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.ended = process.communicate()
            raise AssertionError(f"{command[0]} did not end on a signal")


class Tests:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.site, self.out = self.folder / "site", self.folder / "out"
        self.site.mkdir()
        self.out.mkdir()
        self.big = os.urandom(1 << 20) * 24
        (self.site / "big").write_bytes(self.big)
        (self.site / "small.txt").write_text("hello\n")

    def get(self, *arguments, namespace=CLIENT, timeout=60, **more):
        command = inside(namespace, self.program, "get", *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=self.out, **more)

    def serve(self, *arguments):
        return running(SERVER, self.program, "serve", self.site, "--port", PORT, *arguments)

    def scripted(self, kind, code, *certificate):
        return running(SERVER, sys.executable, "-c", SCRIPTED, kind, code, *certificate)

    def fails(self, status, says, *arguments, **more):
        done = self.get(*arguments, **more)
        lines = done.stderr.splitlines()
        assert done.returncode == status, f"status {done.returncode}: {done.stderr}"
        assert len(lines) == 1 and lines[0].startswith("anabranch get: ") and says in lines[0], done.stderr
        assert not list(self.out.iterdir()), list(self.out.iterdir())

    def report(self, *arguments, **more):
        done = self.get("--json", "-o", "file", *arguments, **more)
        assert done.returncode == 0, f"status {done.returncode}: {done.stderr}"
        report = json.loads(done.stdout)
        wanted = {"protocol", "version", "fallback_reason", "bytes", "seconds", "goodput_bits_per_second", "sha256",
                  "subflows"}
        assert wanted <= report.keys(), report
        for subflow in report["subflows"]:
            assert {"local", "remote", "interface", "bytes_received", "bytes_sent", "srtt_ms", "retransmits", "state",
                    "backup"} <= subflow.keys(), report
        data = (self.out / "file").read_bytes()
        assert hashlib.sha256(data).hexdigest() == report["sha256"] and len(data) == report["bytes"], report
        (self.out / "file").unlink()
        return report, data

    def same(self, data):
        if data != self.big:
            at = next((i for i, (a, b) in enumerate(zip(data, self.big)) if a != b), min(len(data), len(self.big)))
            raise AssertionError(f"{len(data)} bytes that differ from the {len(self.big)} sent from byte {at} on")

    def whole(self, report, data, protocol, paths):
        self.same(data)
        assert report["protocol"] == protocol, report
        assert (report["fallback_reason"] is None) == (protocol == "mptcp"), report
        used = {s["interface"] for s in report["subflows"] if s["bytes_received"] > len(data) // 10}
        assert used == set(paths), report

    # --- what works

    def test_both_paths_carry_a_download_from_serve(self):
        with self.serve("--json-log") as server:
            self.whole(*self.report(f"{FIRST}/big"), "mptcp", ["net0", "net1"])
        record = json.loads(server.ended[0].splitlines()[-1])
        assert record["status"] == 200 and record["protocol"] == "mptcp" and record["subflows"] >= 2, record
        assert server.returncode == 0, server.returncode

    def test_both_paths_carry_a_download_from_the_kernel(self):
        code = "connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n'); " % len(self.big)
        code += f"connection.sendall(open({str(self.site / 'big')!r}, 'rb').read())"
        with self.scripted("mptcp", code):
            self.whole(*self.report(f"{FIRST}/big"), "mptcp", ["net0", "net1"])

    def test_a_plain_server_is_spoken_to_in_plain_tcp(self):
        code = "connection.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n'); "
        code += f"connection.sendall(open({str(self.site / 'big')!r}, 'rb').read())"
        with self.scripted("tcp", code):
            report, data = self.report(f"{FIRST}/big")
            self.whole(report, data, "tcp", ["net0"])
            assert report["fallback_reason"] == "peer_refused", report

    def test_one_path_only_when_one_is_named(self):
        with self.serve():
            self.whole(*self.report(f"{FIRST}/big", "--path", "net0"), "mptcp", ["net0"])

    def test_no_multipath_means_plain_tcp(self):
        with self.serve():
            report, data = self.report(f"{FIRST}/big", "--no-multipath")
            self.whole(report, data, "tcp", ["net0"])
            assert report["fallback_reason"] == "not_requested", report

    def test_version_0_at_both_ends(self):
        with self.serve("--mptcp-version", "0"):
            report, data = self.report(f"{FIRST}/big", "--mptcp-version", "0")
            self.whole(report, data, "mptcp", ["net0", "net1"])
            assert report["version"] == 0, report

    def test_a_server_of_both_versions_takes_either(self):
        with self.serve("--mptcp-version", "both"):
            for version in (0, 1):
                report, data = self.report(f"{FIRST}/big", "--mptcp-version", str(version))
                self.whole(report, data, "mptcp", ["net0", "net1"])
                assert report["version"] == version, report

    def test_versions_that_do_not_meet_mean_plain_tcp(self):
        with self.serve():
            report, data = self.report(f"{FIRST}/big", "--mptcp-version", "0")
            self.whole(report, data, "tcp", ["net0"])
            assert report["fallback_reason"] == "peer_refused" and report["version"] is None, report

    def test_checksums_policies_and_a_capture(self):
        with self.serve("--checksum"):
            capture = self.folder / "packets.pcapng"
            self.whole(*self.report(f"{FIRST}/big", "--checksum", "--congestion", "lia", "--pcap", capture), "mptcp",
                       ["net0", "net1"])
            assert capture.stat().st_size > len(self.big) // 10

    def test_ipv6(self):
        with self.serve():
            report, data = self.report(f"http://[{LINKS[0][1]}2]:{PORT}/big")
            self.same(data)
            assert report["protocol"] == "mptcp", report

    def test_a_plain_client_of_the_kernel_is_served(self):
        with self.serve():
            got = subprocess.run(inside(CLIENT, "curl", "-s", f"{FIRST}/big"), capture_output=True, timeout=60)
            assert got.stdout == self.big, got
            some = subprocess.run(inside(CLIENT, "curl", "-s", "-r", "5-14", f"{FIRST}/big"), capture_output=True,
                                  timeout=60)
            assert some.stdout == self.big[5:15], some

    def test_a_name_from_the_url_standard_output_and_a_plot(self):
        with self.serve():
            done = self.get(f"{FIRST}/small.txt")
            assert done.returncode == 0 and (self.out / "small.txt").read_text() == "hello\n", done
            assert "sha256 " + hashlib.sha256(b"hello\n").hexdigest() in done.stdout, done
            (self.out / "small.txt").unlink()
            assert self.get(f"{FIRST}/small.txt", "-q", "-o", "-").stdout == "hello\n"
            plot = self.folder / "plot.json"
            self.report(f"{FIRST}/big", "--plot", plot)
            series = json.loads(plot.read_text())
            assert len(series["samples"]) > 3 and len(series["subflows"]) >= 2, series
            assert series["samples"][-1]["bytes_received"][0] > 0, series

    def test_a_download_survives_the_loss_of_its_first_path(self):
        for how in (["link", "set", "net0", "down"], ["address", "flush", "dev", "net0"]):
            remove_network()
            build_network()
            with self.serve():
                command = inside(CLIENT, self.program, "get", f"{FIRST}/big", "--json", "-o", "file")
                process = subprocess.Popen(command, cwd=self.out, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                time.sleep(0.6)
                ip("-n", CLIENT, *how)
                said, complaint = process.communicate(timeout=60)
                assert process.returncode == 0, complaint
                self.same((self.out / "file").read_bytes())
                alive = {s["interface"] for s in json.loads(said)["subflows"] if s["state"] == "active"}
                assert alive == {"net1"}, said
            (self.out / "file").unlink()

    def test_https(self):
        both = self.folder / "both.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=test", "-addext", f"subjectAltName=IP:{LINKS[0][0]}.2", "-days", "2",
                        "-keyout", both, "-out", self.folder / "cert.pem"], check=True, capture_output=True)
        with open(both, "ab") as out:
            out.write((self.folder / "cert.pem").read_bytes())
        code = "connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n'); " % len(self.big)
        code += f"connection.sendall(open({str(self.site / 'big')!r}, 'rb').read())"
        url = FIRST.replace("http:", "https:") + "/big"
        with self.serve():
            self.fails(6, "is it an https port?", url, "--insecure")
        with self.scripted("mptcp", code, both):
            self.whole(*self.report(url, "--cacert", self.folder / "cert.pem"), "mptcp", ["net0", "net1"])
            self.report(url, "--insecure")
            self.fails(6, "--cacert FILE, or --insecure", url)

    # --- what goes wrong

    def test_a_refused_port(self):
        self.fails(3, "connection refused", f"{FIRST}/x")

    def test_an_address_that_nobody_has(self):
        self.fails(3, "within 1 s (--connect-timeout)", f"http://{LINKS[0][0]}.77/x", "--connect-timeout", "1")

    def test_an_address_without_a_route(self):
        self.fails(3, "no usable interface leads to 192.0.2.1", "http://192.0.2.1/x")

    def test_an_unknown_interface(self):
        self.fails(7, "nonesuch", f"{FIRST}/x", "--path", "nonesuch")

    def test_an_unknown_host(self):
        self.fails(3, "nowhere.invalid", "http://nowhere.invalid/x")

    def test_no_permission(self):
        drop = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--reuid", "65534", "--clear-groups"]
        self.out.chmod(0o777)
        command = inside(CLIENT, *drop, self.program, "get", f"{FIRST}/x")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=self.out)
        assert done.returncode == 7 and len(done.stderr.splitlines()) == 1 and "root" in done.stderr, done

    def test_an_error_status(self):
        with self.serve():
            self.fails(4, "404 Not Found", f"{FIRST}/none")

    def test_a_truncated_body(self):
        code = "connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n12345')"
        for kind in ("tcp", "mptcp"):
            with self.scripted(kind, code):
                self.fails(4, "after 5 of 10 bytes", f"{FIRST}/x")

    def test_a_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        try:
            with self.serve():
                self.fails(5, "No space left on device", f"{FIRST}/big", "-o", small / "file")
            assert not list(small.iterdir())
        finally:
            subprocess.run(["umount", small], check=True)

    def test_a_signal_leaves_no_file(self):
        code = "connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n12345'); import time; time.sleep(30)"
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.scripted("mptcp", code):
                process = subprocess.Popen(inside(CLIENT, self.program, "get", f"{FIRST}/x"), cwd=self.out,
                                           stderr=subprocess.PIPE, text=True)
                limit = time.monotonic() + 10
                while not list(self.out.iterdir()) and time.monotonic() < limit:
                    time.sleep(0.02)
                assert [p.suffix for p in self.out.iterdir()] == [".part"], list(self.out.iterdir())
                process.send_signal(number)
                _, said = process.communicate(timeout=10)
                assert process.returncode == status and len(said.splitlines()) == 1, said
                assert not list(self.out.iterdir())

    def test_a_server_that_dies(self):
        with self.serve() as server:
            process = subprocess.Popen(inside(CLIENT, self.program, "get", f"{FIRST}/big"), cwd=self.out,
                                       stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            time.sleep(0.8)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 3 and "connection" in said, (process.returncode, said)
        assert not list(self.out.iterdir()) and server.returncode == 0

    def test_a_port_that_is_taken(self):
        with self.scripted("tcp", "pass"):
            done = subprocess.run(inside(SERVER, self.program, "serve", self.site, "--port", str(PORT)),
                                  capture_output=True, text=True, timeout=20)
            assert done.returncode == 3 and str(PORT) in done.stderr and len(done.stderr.splitlines()) == 1, done


def main():
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 77
    program = str(pathlib.Path(sys.argv[1]).resolve())
    names = [n for n in dir(Tests) if n.startswith("test_") and (len(sys.argv) < 3 or n in sys.argv[2:])]
    failed = 0
    for name in names:
        folder = tempfile.mkdtemp(prefix="anabranch-test-")
        os.chmod(folder, 0o755)
        begun = time.monotonic()
        try:
            remove_network()
            build_network()
            getattr(Tests(program, folder), name)()
            print(f"ok    {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception as problem:  # the next test still runs, and the namespaces go
            failed += 1
            print(f"FAIL  {name}: {type(problem).__name__}: {problem}", flush=True)
        finally:
            remove_network()
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
