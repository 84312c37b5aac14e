"""The lab itself, with the kernel at both ends: rate, delay, loss, carrier, and that it leaves nothing behind."""
import json
import os
import pathlib
import signal
import subprocess
import time

from harness import HERE, ROOT, Failed, Lab, expect, need, python, topology


def ping(lab, count, gap, to="10.0.1.1"):
    """Round-trip times in milliseconds of those that came back, sorted."""
    done = lab.do("client", *python(HERE / "echo_probe.py", to, count, gap))
    return json.loads(done.stdout)


def rate_is_kept(lab):
    need("iperf3")
    lab.set("path1", "queue=4bdp")  # deep enough that cubic keeps the link busy after its losses
    lab.start("server", "iperf3", "-s")
    lab.wait_listening("server", 5201)
    client = lab.start("client", "iperf3", "-c", "10.0.1.1", "-t", "5", "-P", "2")
    time.sleep(0.5)
    rates = []  # of single seconds: on a busy machine the senders may not fill each of them
    for _ in range(4):
        before, began = lab.received("server")["path1"], time.monotonic()
        time.sleep(1.0)
        rates.append((lab.received("server")["path1"] - before) * 8 / (time.monotonic() - began) / 1e6)
    client.wait(10)
    lab.run.note(f"  40 Mb/s link, kernel TCP: {', '.join(f'{rate:.1f}' for rate in rates)} Mb/s on the wire")
    expect(38 <= max(rates) <= 42, f"{max(rates):.1f} Mb/s over a link of 40 Mb/s", client.log.read_text())


def delay_is_kept(lab):
    times = ping(lab, 50, 0.02)
    expect(len(times) == 50, f"{50 - len(times)} of 50 packets lost")
    median = times[len(times) // 2]
    lab.run.note(f"  20 ms round trip: {times[0]:.2f} to {times[-1]:.2f} ms, median {median:.2f}")
    expect(times[0] >= 20.0, f"faster than the link: {times[0]:.2f} ms")
    expect(median <= 21.5, f"median {median:.2f} ms over a link of 20 ms")


def loss_is_random(lab):
    ping(lab, 1, 0)  # so that no ARP request is among the lost: it would be asked again only after a second
    lab.set("path1", "rate=0", "delay=1ms", "loss=10%")
    lost = 2000 - len(ping(lab, 2000, 0.0005))
    lab.run.note(f"  10 % each way: {lost} of 2000 lost, 380 expected")
    expect(310 <= lost <= 450, f"{lost} of 2000 lost, 380 expected (4 sigma: 70)")
    lab.set("path1", "loss=0%", "duplicate=10%")
    extra = len(ping(lab, 1000, 0.0005)) - 1000
    expect(140 <= extra <= 285, f"{extra} of 1000 twice, 210 expected")


def carrier_goes_and_comes(lab):
    def carriers():
        out = []
        for host in ("client", "server"):
            flags = json.loads(lab.do(host, "ip", "-j", "link", "show", "path1").stdout)[0]["flags"]
            out.append("NO-CARRIER" not in flags)
        return out
    expect(carriers() == [True, True], "no carrier at the start")
    lab.set("path1", "down")
    expect(carriers() == [False, False], "a carrier on a link that is down")
    expect(ping(lab, 3, 0.01, to="10.0.2.1"), "path2 went down with path1")
    lab.set("path1", "up")
    expect(carriers() == [True, True], "no carrier after the link came up again")
    expect(len(ping(lab, 10, 0.01)) == 10, "packets lost after the link came up again")
    lab.set("path1", "down:a")
    expect(carriers() == [False, True], "down:a is about the client's carrier, and only about that")
    expect(ping(lab, 3, 0.01) == [], "packets passed a link without carrier at one end")
    lab.set("path1", "up")
    expect(carriers() == [True, True], "no carrier after the end came up again")
    lab.set("path1", "loss=100%")
    expect(carriers() == [True, True], "a blackhole took the carrier")
    expect(ping(lab, 5, 0.01) == [], "packets passed a blackhole")


def addresses_go_and_come(lab):
    def state():
        return [lab.do("server", "ip", "addr", "show", "dev", "path2").stdout.count(" 10.0.2.1/24 "),
                lab.do("server", "ip", "mptcp", "endpoint", "show").stdout.count("10.0.2.1")]
    expect(state() == [1, 1], f"at the start: {state()}")
    lab.command("address", "server", "path2", "off")
    expect(state() == [0, 0], f"without the address: {state()}")
    expect(ping(lab, 2, 0.01, to="10.0.2.1") == [], "an address that is gone answers")
    lab.command("address", "server", "path2", "on")
    expect(state() == [1, 1], f"with the address again: {state()}")
    expect(ping(lab, 2, 0.01, to="10.0.2.1"), "the address does not answer after it came back")


def addresses_are_good_at_once(lab):
    text = lab.do("client", "ip", "-6", "addr").stdout
    expect("tentative" not in text, "duplicate address detection is going on", text)


def both_families_pass(lab):
    for address in ("10.0.2.1", "fd00:2::1"):
        done = lab.do("client", *python("-c", (
            "import socket,sys; s=socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET); "
            "s.settimeout(3); print(s.connect_ex((sys.argv[1], 9)))"), address))
        expect(done.stdout.strip() == "111", f"{address} did not answer: {done.stdout.strip()}")  # ECONNREFUSED


def down_removes_everything(lab):
    emulator = int(pathlib.Path(f"/run/anabranch/{lab.name}/emulator.pid").read_text())
    sleeper = lab.start("client", "sleep", "1000")
    lab.command("down")
    sleeper.wait(5)
    lab.processes.remove(sleeper)
    left(lab, emulator)


def down_after_a_crash(lab):
    emulator = int(pathlib.Path(f"/run/anabranch/{lab.name}/emulator.pid").read_text())
    os.kill(emulator, signal.SIGKILL)
    for verb in (["status"], ["set", "path1", "down"]):
        done = subprocess.run([lab.run.program, "lab", verb[0], "--name", lab.name, *verb[1:]], capture_output=True,
                              text=True)
        expect(done.returncode != 0 and "emulator" in done.stderr and done.stderr.count("\n") == 1,
               f"lab {verb[0]} without an emulator: {done.returncode}", done.stderr)
    lab.command("down")
    left(lab, emulator)


def left(lab, emulator):
    spaces = [n for n in os.listdir("/run/netns") if n.startswith(f"ab-{lab.name}-")]
    expect(not spaces, f"namespaces left: {spaces}")
    expect(not os.path.exists(f"/run/anabranch/{lab.name}"), "files left")
    for _ in range(20):
        stat = pathlib.Path(f"/proc/{emulator}/stat")
        if not stat.exists() or ") Z " in stat.read_text():
            return
        time.sleep(0.05)
    raise Failed("the emulator is still running")


def a_failed_up_leaves_nothing(run):
    name = run.next_lab()
    file = run.folder / "bad.toml"
    file.write_text(topology("v4").replace("[hosts.client]", '[hosts.client]\nroutes = ["not a route"]'))
    done = subprocess.run([run.program, "lab", "up", "--name", name, str(file)], capture_output=True, text=True)
    expect(done.returncode != 0, "a bad route was taken")
    expect([n for n in os.listdir("/run/netns") if n.startswith(f"ab-{name}-")] == [], "namespaces left")
    expect(not os.path.exists(f"/run/anabranch/{name}"), "files left")


def bench_measures_both(run):
    """That bench/lab works, not what it finds."""
    out = run.folder / "bench.json"
    done = subprocess.run(python(ROOT / "bench/lab", "--rounds", 1, "--seconds", 1, "--no-check", "--json", out,
                                 "goodput-(down|up)load-40/20-20/20-cubic"),
                          env=run.env, capture_output=True, text=True, timeout=60)
    expect(done.returncode == 0, f"status {done.returncode}", done.stderr + done.stdout)
    results = json.loads(out.read_text())["results"]
    expect(len(results) == 2, f"{len(results)} rows")
    for result in results:
        for side in ("kernel", "ours"):
            expect(not result["wrong"] and result[side][0]["goodput"] > 1, f"{result['row']}: {side}: {result}")


def complaints_are_one_line(lab):
    table = [(["up", "nonsense"], "no topology"), (["down", "nonsense"], "is not up"), (["set", "--name", lab.name, "p", "up"], "unknown link"),
             (["set", "--name", lab.name, "path1", "rate=fast"], "bad value 'fast' for rate"),
             (["exec", "--name", lab.name, "nobody", "--", "true"], "no host 'nobody'"),
             (["address", "--name", lab.name, "client", "path9", "off"], "no link 'path9'"),
             (["address", "--name", lab.name, "client", "path1", "away"], "`on` or `off`"),
             (["up", "two-path", "--name", lab.name], "is up already")]
    for words, wanted in table:
        done = subprocess.run([lab.run.program, "lab", *words], capture_output=True, text=True)
        expect(done.returncode != 0 and wanted in done.stderr and done.stderr.count("\n") == 1,
               f"lab {' '.join(words)}: status {done.returncode}: {done.stderr!r}")
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", lab.run.program, "lab", "status"],
                          capture_output=True, text=True)
    if done.returncode not in (126, 127):  # the program's folder may be closed to others
        expect("root" in done.stderr, f"without root: {done.stderr!r}")


def run_all(run):
    both = topology("both")
    run.case("lab.rate", rate_is_kept, both)
    run.case("lab.delay", delay_is_kept, both)
    run.case("lab.loss", loss_is_random, both)
    run.case("lab.carrier", carrier_goes_and_comes, both)
    run.case("lab.addresses", addresses_go_and_come, both)
    run.case("lab.no-dad", addresses_are_good_at_once, both)
    run.case("lab.families", both_families_pass, both)
    run.case("lab.down", down_removes_everything, both)
    run.case("lab.down-after-crash", down_after_a_crash, both)
    run.case("lab.failed-up", lambda: a_failed_up_leaves_nothing(run))
    run.case("lab.bench", lambda: bench_measures_both(run))
    run.case("lab.complaints", complaints_are_one_line, both)
