"""One measurement of bench/lab: a fresh lab, a kernel server in it, a client, what came when, what happens on the way.

Times are CLOCK_MONOTONIC, which is the same for this process and for those in namespaces.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import lab_rows

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = os.environ.get("ANABRANCH") or str(ROOT / "build/release/anabranch")
PORT = 5001
SERVER = "10.9.0.1"
ACCIDENT_AT, OUTAGE, HEAL_LIMIT = 3.0, 5.0, 15.0  # seconds after the first byte; long; how long healing may take
CARRIES_AGAIN = 30_000  # bytes in Ethernet frames, 20 full packets: more than probes and what is sent again
PATIENCE = 15.0  # for the first byte
CHECKS = 3  # of the links before they are called wrong: the machine may have been busy


class Problem(Exception):
    """The measurement cannot be made; the argument is one line."""


def run(*command, check=True):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise Problem(f"{' '.join(map(str, command[:8]))}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return done.stdout


def real_time(priority, pid=0):
    """So that what else the machine does disturbs little; what a process starts later is so, too. Not everybody may."""
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(priority))


class Lab:
    """A lab of its own with what runs in it; as a context, so that nothing of it stays."""
    made = 0

    def __init__(self, row):
        Lab.made += 1
        self.name, self.row = f"b{os.getpid()}-{Lab.made}", row
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="anabranch-bench-lab-"))
        self.processes = []

    def __enter__(self):
        try:
            file = self.folder / "topology.toml"
            file.write_text(lab_rows.topology(self.row))
            run(PROGRAM, "lab", "up", "--name", self.name, file)
            pid = pathlib.Path(f"/run/anabranch/{self.name}/emulator.pid").read_text().strip()
            real_time(20, int(pid))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self.processes = []
        subprocess.run([PROGRAM, "lab", "down", self.name], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def inside(self, host, *command):
        return ["ip", "netns", "exec", f"ab-{self.name}-{host}", *map(str, command)]

    def do(self, host, *command, check=True):
        return run(*self.inside(host, *command), check=check)

    def start(self, host, *command):
        log = open(self.folder / f"{host}-{len(self.processes)}.log", "wb")
        process = subprocess.Popen(self.inside(host, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        process.log = pathlib.Path(log.name)
        log.close()
        self.processes.append(process)
        return process

    def set(self, link, *words):
        run(PROGRAM, "lab", "set", "--name", self.name, link, *words)

    def address(self, host, link, word):
        """With the kernel's endpoint there, as a network manager does it."""
        run(PROGRAM, "lab", "address", "--name", self.name, host, link, word)

    def received(self, host, link):
        """Bytes that came in on a link of a host, in Ethernet frames."""
        return int(self.do(host, "cat", f"/sys/class/net/{link}/statistics/rx_bytes"))

    def wait_listening(self, process):
        for _ in range(200):
            if f":{PORT} " in self.do("server", "ss", "-Hltn"):
                return
            if process.poll() is not None:
                raise Problem(f"the server ended: {process.log.read_text().strip()}")
            time.sleep(0.02)
        raise Problem("the server does not listen")

    def counters(self, host):
        return json.loads(self.do(host, "nstat", "-asjz"))["kernel"]


class Transfer:
    """`anabranch perf` at both ends; the server is the kernel."""

    def __init__(self, lab, client_words, address=SERVER, upload=False, tcp=False):
        self.lab, self.upload = lab, upload
        self.samples_file = lab.folder / f"samples-{len(lab.processes)}"
        way = [] if upload else ["--reverse"]
        common = ["-t", "100000", *way, *(["--no-multipath"] if tcp else [])]
        samples = ["--samples", self.samples_file]
        self.server = lab.start("server", PROGRAM, "perf", "server", "-p", PORT, "--kernel", *common,
                                *(samples if upload else []))
        lab.wait_listening(self.server)
        self.client = lab.start("client", PROGRAM, "perf", "client", f"{address}:{PORT}", *client_words, *common,
                                *([] if upload else samples))

    def receiver(self):
        return "server" if self.upload else "client"

    def first_byte(self):
        """When it came."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            samples = self.samples()
            if samples:
                return samples[0][0]
            self.check_alive()
            time.sleep(0.01)
        raise Problem(f"no byte arrived within {PATIENCE:g} s")

    def check_alive(self):
        for process in (self.server, self.client):
            if process.poll() is not None:
                raise Problem(f"an end gave up: {process.log.read_text().strip() or process.returncode}")

    def samples(self):
        """(seconds, bytes that had come by then), as far as they are written."""
        if not self.samples_file.exists():
            return []
        lines = self.samples_file.read_text().split("\n")[:-1]  # the last one may be half of one
        return [(int(at) / 1e9, int(total)) for at, total in (line.split() for line in lines)]

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.wait()


def bytes_by(samples, when):
    total = 0
    for at, so_far in samples:
        if at > when:
            break
        total = so_far
    return total


def longest_gap(samples, begin, end):
    """The longest time without a byte that lies at least partly between two times."""
    times = [at for at, _ in samples] + [end]
    return max((after - before for before, after in zip(times, times[1:]) if after > begin and before < end), default=end - begin)


def sleep_until(transfer, when):
    while time.monotonic() < when:
        transfer.check_alive()
        time.sleep(max(0.0, min(0.25, when - time.monotonic())))


def round_trip(lab, address):
    """In milliseconds, the quickest of some; the first few have to wait for ARP."""
    probe = ROOT / "tests/interop/echo_probe.py"
    times = json.loads(lab.do("client", sys.executable, "-B", probe, address, 25, 0.02))
    return times[0] if times else float("inf")


def check_links(row, note):
    """What each link gives a plain TCP connection of the kernel; the reasons why it is not what it should be."""
    for _ in range(CHECKS):
        wrong = []
        with Lab(dataclasses.replace(row, losses=(0, 0), congestion="cubic")) as lab:
            for number, (rate, trip) in enumerate(zip(row.rates, row.trips), 1):
                wrong += check_link(lab, number, rate, trip, note)
        if not wrong:
            break
    return wrong


def check_link(lab, number, rate, trip, note):
    quickest = round_trip(lab, f"10.0.{number}.1")
    lab.set(f"path{number}", "queue=4bdp")  # so that a loss leaves no gap: the rate is what is asked
    transfer = Transfer(lab, ["--kernel"], f"10.0.{number}.1", lab.row.direction == "upload", tcp=True)
    began = transfer.first_byte()
    seconds = 2.0 + 8 * trip / 1000  # slow start is over by then
    sleep_until(transfer, began + seconds)
    samples = transfer.samples()
    transfer.end()
    best = max((bytes_by(samples, began + step / 4 + 1) - bytes_by(samples, began + step / 4)) * 8 / 1e6
               for step in range(int((seconds - 1) * 4) + 1))
    note(f"  path{number}: {rate} Mb/s, {trip} ms promised; TCP got {best:.1f} Mb/s of payload in its best second, "
         f"round trip {quickest:.1f} ms")
    wrong = []
    # Of an Ethernet frame 0.957 is payload; what waited for one that was lost may come within the second, too.
    if not 0.90 * rate <= best <= 1.05 * rate:
        wrong.append(f"path{number} gives {best:.1f} of {rate} Mb/s")
    if not trip <= quickest <= trip + 3:
        wrong.append(f"path{number} takes {quickest:.1f} of {trip} ms")
    return wrong


def measure(row, client_words, seconds):
    """One transfer of a row; a dictionary of what was seen."""
    with Lab(row) as lab:
        transfer = Transfer(lab, client_words, upload=row.direction == "upload")
        began = transfer.first_byte()
        if row.accident:
            result = Accident(lab, transfer, row.accident, began).measure()
        else:
            sleep_until(transfer, began + seconds)
            samples = transfer.samples()
            result = {"goodput": bytes_by(samples, began + seconds) * 8 / seconds / 1e6,
                      "longest_gap": longest_gap(samples, began, began + seconds)}
        counters = lab.counters("server")
        result["joins"] = counters["MPTcpExtMPJoinAckRx"]
        result["multipath"] = counters["MPTcpExtMPCapableACKRX"] == 1
        if not result["multipath"] or result["joins"] == 0:
            raise Problem("the connection had no second path")
        return result


class Accident:
    """Path1 is taken away in one of three ways, and given back."""

    def __init__(self, lab, transfer, kind, began):
        self.lab, self.transfer, self.kind, self.began = lab, transfer, kind, began

    def happen(self):
        if self.kind == "blackhole":
            self.lab.set("path1", "loss=100%")
        elif self.kind == "carrier":
            self.lab.set("path1", "down:a")  # the client sees it; the server is far away
        else:
            self.lab.address("client", "path1", "off")

    def heal(self):
        if self.kind == "blackhole":
            self.lab.set("path1", "loss=0%")
        elif self.kind == "carrier":
            self.lab.set("path1", "up")
        else:
            self.lab.address("client", "path1", "on")

    def measure(self):
        host = self.transfer.receiver()
        sleep_until(self.transfer, self.began + ACCIDENT_AT)
        happened = time.monotonic()
        self.happen()
        sleep_until(self.transfer, happened + OUTAGE)
        before = self.lab.received(host, "path1")
        healed = time.monotonic()
        self.heal()
        carried = None
        while time.monotonic() < healed + HEAL_LIMIT:
            if self.lab.received(host, "path1") - before >= CARRIES_AGAIN:
                carried = time.monotonic()
                break
            self.transfer.check_alive()
            time.sleep(0.005)
        sleep_until(self.transfer, time.monotonic() + 2)
        samples = self.transfer.samples()
        end = samples[-1][0]
        return {"stall": longest_gap(samples, happened, healed),
                "outage_goodput": (bytes_by(samples, healed) - bytes_by(samples, happened)) * 8 / OUTAGE / 1e6,
                "heal": carried - healed if carried else HEAL_LIMIT, "healed": carried is not None,
                "stall_after": longest_gap(samples, healed, end)}


def end_what_is_left():
    """Labs of this process, should an exception have come at a bad time, and of those that were killed."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/run/anabranch"):
            match = re.fullmatch(r"b(\d+)-\d+", name)
            if match and (int(match[1]) == os.getpid() or not os.path.exists(f"/proc/{match[1]}")):
                subprocess.run([PROGRAM, "lab", "down", name], capture_output=True)
