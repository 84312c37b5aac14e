"""What goes wrong and how `get` says so: one line, a status, no file left; and TLS, right and wrong."""

import pathlib
import shutil
import signal

import subprocess
import time

from harness import HERE, Failed, Skip, expect, need, python, topology
from kernel_cases import FAST, Fetch, kernel_server, mptcpize

PORT = 8080


def check_failure(lab, done, wanted, what):
    """One line on stderr that holds `wanted`, a status that is not 0, and no file, finished or half."""
    expect(done.returncode > 0, f"{what}: status {done.returncode}")
    lines = done.stderr.strip().splitlines()
    expect(len(lines) == 1, f"{what}: {len(lines)} lines on stderr, one expected", done.stderr)
    expect(any(word in lines[0].lower() for word in wanted), f"{what}: does not say why: {lines[0]}")
    left = sorted(path.name for path in (lab.folder / "kept").iterdir())
    expect(not left, f"{what}: left {left}")
    lab.run.note(f"  {what}: {lines[0]} (status {done.returncode})")


def failing_get(lab, *words, prefix=(), timeout=20):
    kept = lab.folder / "kept"
    kept.mkdir(exist_ok=True)
    kept.chmod(0o777)
    lab.folder.chmod(0o755)
    return lab.do("client", *prefix, lab.run.program, "get", "-o", kept / "file", *words, timeout=timeout, check=False)


def addresses(lab):
    done = failing_get(lab, "http://no-such-host.invalid/x")
    check_failure(lab, done, ("resolve", "unknown", "no such", "name"), "unknown host")
    check_failure(lab, failing_get(lab, "http://10.0.1.1:9/x"), ("refused",), "nobody listens")
    check_failure(lab, failing_get(lab, "http://10.9.9.9/x"), ("no usable interface", "route", "unreachable"), "no route")
    check_failure(lab, failing_get(lab, "http://10.0.1.77/x", "--connect-timeout", "1"),
                  ("timed out", "unreachable", "no connection within", "no route"), "no such neighbour")
    check_failure(lab, failing_get(lab, "ftp://10.0.1.1/x"), ("http",), "not HTTP")


def devices(lab):
    check_failure(lab, failing_get(lab, "http://10.0.1.1:9/x", "--path", "path9"), ("path9",), "unknown device")
    lab.set("path1", "down")
    lab.set("path2", "down")
    check_failure(lab, failing_get(lab, "http://10.0.1.1:9/x"), ("no usable interface", "down", "no interface"),
                  "all paths down")


def no_permission(lab):
    need("setpriv")
    folder = pathlib.Path("/run") / f"{lab.name}-bin"  # the program's own folder may be closed to others
    folder.mkdir(mode=0o755)
    try:
        program = shutil.copy(lab.run.program, folder)
        lab.run.folder.chmod(0o755)
        kept = lab.folder / "kept"
        kept.mkdir()
        kept.chmod(0o777)
        lab.folder.chmod(0o755)
        done = lab.do("client", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "get", "-o",
                      kept / "file", "http://10.0.1.1:9/x", check=False)
        check_failure(lab, done, ("permission", "permitted", "root", "cap_net"), "no permission")
    finally:
        shutil.rmtree(folder)


def bad_answers(lab):
    table = [("truncated", ("truncated", "of 1000000", "ended", "short", "before")),
             ("lying", ("content-length",)),
             ("garbage", ("http", "malformed")),
             ("silent", ("timed out", "no answer", "stall", "nothing", "no byte"))]
    for number, (kind, wanted) in enumerate(table):
        for multipath in (True, False):
            port = PORT + 2 * number + multipath
            server = lab.start("server", *mptcpize(multipath), *python(HERE / "bad_server.py", kind, port))
            lab.wait_listening("server", port, server)
            options = ["--stall-timeout", "1"] if kind == "silent" else []
            done = failing_get(lab, f"http://10.0.1.1:{port}/x", *options)
            check_failure(lab, done, wanted, f"{kind}, {'MPTCP' if multipath else 'TCP'}")


def not_found(lab):
    kernel_server(lab, 1)
    check_failure(lab, failing_get(lab, f"http://10.0.1.1:{PORT}/nothing"), ("404",), "not found")


def unwritable(lab):
    name, _ = kernel_server(lab, 1)
    done = lab.do("client", lab.run.program, "get", "-o", "/nonexistent/x", f"http://10.0.1.1:{PORT}/{name}", check=False)
    (lab.folder / "kept").mkdir(exist_ok=True)
    check_failure(lab, done, ("/nonexistent",), "unwritable")


def tables(lab):
    return lab.do("client", "nft", "list", "tables").stdout.strip()


def killed(lab):
    """SIGKILL in the middle of a transfer: the kernel gets its ports back, and no half file has the file's name."""
    need("nft")
    server = lab.start("server", *mptcpize(True), *python(HERE / "bad_server.py", "slow", PORT))
    lab.wait_listening("server", PORT, server)
    fetch = Fetch(lab, f"http://10.0.1.1:{PORT}/x", capture=False)
    time.sleep(1.5)
    expect(fetch.process.poll() is None, f"get ended by itself: {fetch.log()}")
    during = tables(lab)
    fetch.process.send_signal(signal.SIGKILL)
    fetch.process.wait(5)
    time.sleep(0.2)
    lab.run.note(f"  tables while it ran: {during!r}")
    expect(tables(lab) == "", f"nftables tables left: {tables(lab)}")
    expect(not fetch.out.exists(), "a file that is not whole bears the name of the whole")


def interrupted(lab):
    """Ctrl-C: status 130, nothing left, and the server hears of it at once."""
    server = lab.start("server", *mptcpize(True), *python(HERE / "bad_server.py", "slow", PORT))
    lab.wait_listening("server", PORT, server)
    fetch = Fetch(lab, f"http://10.0.1.1:{PORT}/x", capture=False)
    time.sleep(1.5)
    fetch.process.send_signal(signal.SIGINT)
    fetch.process.wait(5)
    expect(fetch.process.returncode == 130, f"status {fetch.process.returncode} after SIGINT", fetch.log())
    expect(not fetch.out.exists(), "a file that is not whole bears the name of the whole")
    expect([path.name for path in lab.folder.glob("*.part*")] == [], "a half file is left")
    expect(tables(lab) == "", f"nftables tables left: {tables(lab)}")
    for _ in range(40):
        if not lab.sockets("server"):
            return
        time.sleep(0.1)
    raise Failed("the server's connection is still open", "\n".join(lab.sockets("server")))


def tls(lab):
    need("openssl")
    folder, name, digest = lab.run.file(20)
    key, certificate = lab.folder / "key.pem", lab.folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=lab", "-addext", "subjectAltName=IP:10.0.1.1", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    server = lab.start("server", *mptcpize(True), *python(HERE / "https_server.py", 8443, certificate, key), cwd=folder)
    lab.wait_listening("server", 8443, server)
    where = f"https://10.0.1.1:8443/{name}"
    report = Fetch(lab, where, "--cacert", certificate, digest=digest).wait()
    expect(report["protocol"] == "mptcp", f"fell back to TCP: {report['fallback_reason']}")
    check_failure(lab, failing_get(lab, where), ("certificate",), "self-signed certificate")
    check_failure(lab, failing_get(lab, where.replace("10.0.1.1", "10.0.2.1"), "--cacert", certificate),
                  ("certificate", "name", "address"), "another host's certificate")
    Fetch(lab, where, "--insecure", digest=digest).wait()


def run_all(run):
    fast = topology("v4", **FAST)
    run.case("errors.addresses", addresses, fast)
    run.case("errors.devices", devices, fast)
    run.case("errors.permission", no_permission, fast)
    run.case("errors.answers", bad_answers, fast)
    run.case("errors.not-found", not_found, fast)
    run.case("errors.unwritable", unwritable, fast)
    run.case("errors.killed", killed, fast)
    run.case("errors.interrupted", interrupted, fast)
    run.case("tls", tls, fast)
