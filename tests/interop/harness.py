"""What interop cases share: labs, programs on their hosts, kernel counters, and how results are told.

Every lab, process and folder made here belongs to a `Run`, which takes all of it away again however it ends. Labs are
called i<pid>-<number>, so that several runs do not meet and what a killed one left behind can be told.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
MARK = "ANABRANCH_INTEROP_RUN"  # in the environment of every process started here


ATTEMPTS = 3  # at rates, on a machine that others use too


class Failed(Exception):
    """The case did not end well; the first argument is the reason in one line, the second may be a longer text."""


class TooSlow(Failed):
    """A rate was not reached. The machine may have been busy: worth another attempt, unlike anything else."""


class Skip(Exception):
    """The case cannot be tried here; the argument says what is missing."""


def expect(condition, reason, details=""):
    if not condition:
        raise Failed(reason, details)


def expect_rate(condition, reason):
    if not condition:
        raise TooSlow(reason)


def topology(family="mixed-both", rates=("40Mbps", "20Mbps"), delays=("10ms", "25ms")):
    """A TOML of the shape of two-path. family: v4, v6, both (v4 announced), or mixed (path1 IPv4, path2 IPv6)."""
    four, six = family in ("v4", "both"), family in ("v6", "both")
    text = ["[hosts.client]", "[hosts.server]",
            'endpoints = [{ address = "%s", flags = ["signal"] }]' % ("10.0.2.1" if four else "fd00:2::1")]
    for number in (1, 2):
        addresses = {"client": [], "server": []}
        for host, last in (("client", 2), ("server", 1)):
            if four or (family == "mixed" and number == 1):
                addresses[host].append(f"10.0.{number}.{last}/24")
            if six or (family == "mixed" and number == 2):
                addresses[host].append(f"fd00:{number}::{last}/64")
        text += ["[[links]]", f'name = "path{number}"', f'rate = "{rates[number - 1]}"',
                 f'delay = "{delays[number - 1]}"', 'queue = "1bdp"',
                 'a = { host = "client", addresses = %s }' % json.dumps(addresses["client"]),
                 'b = { host = "server", addresses = %s }' % json.dumps(addresses["server"])]
    return "\n".join(text) + "\n"


class Lab:
    """One lab and what runs in it. Use as a context."""

    def __init__(self, run, toml):
        self.run, self.name = run, run.next_lab()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lab-", dir=run.folder))
        self.processes = []
        file = self.folder / "topology.toml"
        file.write_text(toml)
        self.command("up", str(file))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes = []
        subprocess.run([self.run.program, "lab", "down", self.name], env=self.run.env, capture_output=True)

    def command(self, verb, *words):
        done = subprocess.run([self.run.program, "lab", verb, "--name", self.name, *words], env=self.run.env,
                              capture_output=True, text=True, timeout=20)
        expect(done.returncode == 0, f"lab {verb}: {done.stderr.strip()}")
        return done.stdout

    def set(self, link, *words):
        self.command("set", link, *words)

    def inside(self, host, command):
        return ["ip", "netns", "exec", f"ab-{self.name}-{host}", *map(str, command)]

    def do(self, host, *command, timeout=60, check=True):
        """Runs a command on a host to its end."""
        done = subprocess.run(self.inside(host, command), env=self.run.env, capture_output=True, text=True,
                              timeout=timeout, errors="replace", stdin=subprocess.DEVNULL)
        if check:
            expect(done.returncode == 0, f"{' '.join(map(str, command[:6]))}: status {done.returncode}",
                   done.stderr + done.stdout[-2000:])
        return done

    def start(self, host, *command, log=None, cwd=None):
        """Starts a program on a host; its output goes to a file of that name in the lab's folder."""
        out = open(self.folder / (log or f"{host}-{len(self.processes)}.log"), "wb")
        process = subprocess.Popen(self.inside(host, command), env=self.run.env, stdout=out, stderr=out, cwd=cwd,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        process.log = pathlib.Path(out.name)
        out.close()
        self.processes.append(process)
        return process

    def stop(self, process, number=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(10)
        self.processes.remove(process)

    def sysctl(self, host, name, value):
        self.do(host, "sysctl", "-qw", f"{name}={value}")

    def wait_listening(self, host, port, process=None):
        for _ in range(100):
            if f":{port} " in self.do(host, "ss", "-Hltn").stdout:
                return
            if process is not None and process.poll() is not None:
                break
            time.sleep(0.05)
        raise Failed(f"nobody listens on port {port}", process.log.read_text() if process else "")

    def received(self, host):
        """Bytes that came in on each link of a host."""
        links = json.loads(self.do(host, "ip", "-j", "-s", "link").stdout)
        return {one["ifname"]: one["stats64"]["rx"]["bytes"] for one in links if one["ifname"] != "lo"}

    def counters(self, host):
        """All counters of the kernel of a host, those at zero as well."""
        return json.loads(self.do(host, "nstat", "-asjz").stdout)["kernel"]

    def sockets(self, host):
        """MPTCP sockets of the kernel that are not listening."""
        lines = self.do(host, "ss", "-HMan").stdout.splitlines()
        return [line for line in lines if line.strip() and not line.startswith("LISTEN")]


class Run:
    """All cases of one run: what they make, what they said."""

    def __init__(self, patterns):
        self.program = os.environ.get("ANABRANCH") or str(ROOT / "build/release/anabranch")
        self.patterns = patterns
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"anabranch-interop-{os.getpid()}-"))
        self.results = ROOT / "build/results/interop"
        self.env = dict(os.environ, **{MARK: str(os.getpid())}, LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
        self.labs = 0
        self.failed = 0
        self.files = {}
        self.list_only = False  # names of cases, nothing else

    def next_lab(self):
        self.labs += 1
        return f"i{os.getpid()}-{self.labs}"

    def file(self, megabytes):
        """Random bytes in a folder of their own to be served: (folder, name, SHA-256)."""
        if megabytes not in self.files:
            folder = self.folder / f"www{megabytes}"
            folder.mkdir()
            digest = hashlib.sha256()
            with open(folder / "data.bin", "wb") as out:
                for _ in range(megabytes):
                    block = os.urandom(1_000_000)
                    digest.update(block)
                    out.write(block)
            self.files[megabytes] = (folder, "data.bin", digest.hexdigest())
        return self.files[megabytes]

    def wanted(self, name):
        return not self.patterns or any(re.search(pattern, name) for pattern in self.patterns)

    def note(self, text):
        print(text, flush=True)

    def case(self, name, work, toml=None):
        """Runs one case and prints its line. `work(lab)` in a lab of its own when there is a topology."""
        if not self.wanted(name):
            return
        if self.list_only:
            self.note(name)
            return
        began = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            if self.attempt(name, work, toml, last=attempt == ATTEMPTS):
                break
        self.note(f"  {name}: {time.monotonic() - began:.1f} s")

    def attempt(self, name, work, toml, last):
        """False when it was too slow and may be tried again."""
        lab = None
        try:
            if toml is None:
                work()
            else:
                lab = Lab(self, toml)
                work(lab)
            self.note(f"ok {name}")
        except Skip as reason:
            self.note(f"skip {name}: {reason}")
        except Failed as failure:
            if isinstance(failure, TooSlow) and not last:
                self.note(f"  {failure}: once more")
                return False
            self.tell_failure(name, lab, *failure.args)
        except (subprocess.SubprocessError, OSError, ValueError, KeyError) as surprise:
            self.tell_failure(name, lab, f"{type(surprise).__name__}: {surprise}")
        finally:
            if lab:
                lab.close()
                shutil.rmtree(lab.folder, ignore_errors=True)
        return True

    def tell_failure(self, name, lab, reason, details=""):
        self.failed += 1
        kept = ""
        if lab:
            place = self.results / name
            shutil.rmtree(place, ignore_errors=True)
            small = lambda folder, names: [n for n in names if (pathlib.Path(folder) / n).is_file() and
                                           (n.endswith(".out") or (pathlib.Path(folder) / n).stat().st_size > 3e8)]
            shutil.copytree(lab.folder, place, ignore=small)
            kept = f" (logs and captures: {place.relative_to(ROOT)})"
        self.note(f"not ok {name}: {' '.join(str(reason).split())}{kept}")
        for line in str(details).strip().splitlines()[-25:]:
            self.note("    | " + line)

    def check_nothing_left(self):
        """Of this run's namespaces, processes and files: none may be there. nftables tables live in namespaces."""
        left = []
        mine = f"i{os.getpid()}-"
        for folder, prefix in (("/run/netns", f"ab-{mine}"), ("/run/anabranch", mine)):
            with contextlib.suppress(FileNotFoundError):
                left += [f"{folder}/{n}" for n in os.listdir(folder) if n.startswith(prefix)]
        mark = f"{MARK}={os.getpid()}".encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if int(pid) != os.getpid() and mark in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    left.append(f"process {pid}: {pathlib.Path(f'/proc/{pid}/cmdline').read_text()[:80]!r}")
        return left

    def close(self):
        mine = f"i{os.getpid()}-"
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir("/run/anabranch"):
                if name.startswith(mine):
                    subprocess.run([self.program, "lab", "down", name], env=self.env, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_what_dead_runs_left(program):
    """What runs that were killed left behind: their process ids are in the names of labs and folders."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob("anabranch-interop-*-*"):
        if not os.path.exists(f"/proc/{folder.name.split('-')[2]}"):
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/run/anabranch"):
            match = re.fullmatch(r"i(\d+)-\d+", name)
            if match and not os.path.exists(f"/proc/{match[1]}"):
                subprocess.run([program, "lab", "down", name], capture_output=True)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed")


def python(*words):
    return [sys.executable, *map(str, words)]
