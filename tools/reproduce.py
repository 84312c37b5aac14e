#!/usr/bin/env python3
"""Runs the published results that lie in scenarios/ and writes docs/reproduction.md from what came out.

usage: reproduce.py [--program FILE] [--build DIR] [--jobs N] [--fast] [--render] [--list] [REGEX...]

Each folder of scenarios/ may hold a rows.py with the rows of one family:

    from reproduce import row

    @row("S-1.5", "One flow balances over two links, one of them disturbed", fast=True, cost=20)
    def dynamic(r):
        runs = r.sim("dynamic.toml", seeds=r.seeds(5, fast=1), sets={"flow.mp.controller": "lia"})
        top = r.mean(run["links"]["top"]["flow_share"] for run in runs)
        r.check("LIA uses 83 % of the top link", abs(top - 0.83) <= 0.02, ours=f"{top:.1%}",
                published="83 %", source="reference model", criterion="within 2 percentage points")
        r.plot("lines", "Rate on each link", x="s", y="Mb/s", series=[{"name": "top", "x": [...], "y": [...]}])

The first line of the function's docstring, if there is one, says in the page what is shown and why. A row is made of
checks; a criterion that does not hold for a good reason is kept with `contested="why, with the evidence"`: the page
shows it as not met, and the command does not fail for it; it does fail when a contested criterion is met after all,
because then the page tells an untruth. Rows with `fast=True` also run in `./dev test` (--fast: `r.fast` is true; fewer
seeds, shorter runs, the same criteria); nothing is written then. `cost` is about how many seconds a whole run takes on
one core: long rows start first.

What came out is kept in docs/reproduction/*.json, one file a row, so that the page can be written anew after some rows
(--render: without running any). Plots need python3-matplotlib; without it those on file stay. Runs of the simulator are
remembered in build/reproduce by everything that decides them: program, scenario, settings, seeds.
"""

import argparse
import concurrent.futures
import hashlib
import importlib.util
import json
import math
import multiprocessing
import os
import pathlib
import re
import statistics
import subprocess
import sys
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[1]
rows = []  # in the order of their declaration


class Problem(Exception):
    """Something that a person can mend: told in one line."""


class Row:
    def __init__(self, number, title, function, family, fast, cost):
        self.number, self.title, self.function, self.family, self.fast, self.cost = number, title, function, family, fast, cost

    @property
    def file(self):
        return re.sub(r"[^A-Za-z0-9.-]+", "_", self.number)


def row(number, title, fast=False, cost=10):
    """Declares the function that follows as a row of the page; see the top of this file."""

    def declare(function):
        family = pathlib.Path(function.__code__.co_filename).parent.name
        if any(other.number == number for other in rows):
            raise Problem(f"scenarios/{family}/rows.py: there is a row {number} already")
        rows.append(Row(number, title, function, family, fast, cost))
        return function

    return declare


class Run:
    """What a row is given: ways to run things, and where to say what came out."""

    def __init__(self, of, fast, program, build, scenarios=ROOT / "scenarios", cache=ROOT / "build/reproduce"):
        self.row, self.fast, self.program, self.build = of, fast, pathlib.Path(program), pathlib.Path(build)
        self.folder, self.cache = pathlib.Path(scenarios) / of.family, pathlib.Path(cache)
        self.checks, self.plots, self.commands = [], [], []

    # --- running
    def seeds(self, full, fast=1):
        """The seeds 1 to `full`, or to `fast` when only a quick look is wanted."""
        return range(1, (fast if self.fast else full) + 1)

    def sim(self, scenario, seeds=(1,), sets=None):
        """Runs of `anabranch sim` for the scenario of this family, one result (docs/sim.md) a seed, in their order."""
        file = self.folder / scenario
        if not file.is_file():
            raise Problem(f"{file}: no such scenario")
        seeds = list(seeds)
        if seeds != list(range(seeds[0], seeds[-1] + 1)):
            raise Problem(f"row {self.row.number}: seeds must follow one another")
        words = ["--seeds", f"{seeds[0]}..{seeds[-1]}"]
        for key, value in (sets or {}).items():
            words += ["--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
        command = f"anabranch sim scenarios/{self.row.family}/{scenario} " + " ".join(words)
        if len(self.commands) < 4 and command not in self.commands:
            self.commands.append(command)
        known = hashlib.sha256(b"\0".join([fingerprint(self.program), file.read_bytes(), *map(str.encode, words)])).hexdigest()
        kept = self.cache / f"{known}.json"
        if kept.is_file():
            return json.loads(kept.read_text())
        said = self.run([self.program, "sim", file, "--json", "--jobs", "1", *words])
        try:
            result = json.loads(said)
        except ValueError as error:
            raise Problem(f"{command}: not JSON: {error}") from None
        results = result["runs"] if isinstance(result, dict) and "runs" in result else result
        results = results if isinstance(results, list) else [results]
        if len(results) != len(seeds):
            raise Problem(f"{command}: {len(results)} results for {len(seeds)} seeds")
        self.cache.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(results))
        part.rename(kept)
        return results

    def run(self, command, allowed=(0,)):
        """What a command says on its standard output; its failure is a Problem."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=ROOT)
        if done.returncode not in allowed:
            why = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
            raise Problem(f"{' '.join(map(str, command))}: exit status {done.returncode}: {why}")
        return done.stdout

    def gtest(self, binary, pattern):
        """Whether the tests of a test program (in the build folder) that match pass; there must be some."""
        program = self.build / binary
        self.commands.append(f"build/dev/{binary} --gtest_filter='{pattern}'")
        done = subprocess.run([program, f"--gtest_filter={pattern}"], capture_output=True, text=True, cwd=ROOT)
        ran = re.search(r"^\[==========\] (\d+) tests? from .* ran", done.stdout, re.M)
        if not ran or ran.group(1) == "0":
            raise Problem(f"{program} --gtest_filter={pattern}: no such test")
        return done.returncode == 0

    # --- saying
    def check(self, what, holds, ours, published="", source="", criterion="", contested=None):
        """One criterion. `published`: the value of the literature or of a model, `source` says which; `ours`: as text."""
        self.checks.append({"what": what, "holds": bool(holds), "ours": str(ours), "published": str(published),
                            "source": source, "criterion": criterion, "contested": contested})
        return bool(holds)

    def plot(self, kind, title, series, x="", y="", log=""):
        """kind: lines, bars, cdf, scatter. series: [{"name": ..., "x": [...], "y": [...]}]; a cdf has only "x"; bars
        have names of groups in "x". log: axes with a logarithmic scale ("x", "y", "xy")."""
        self.plots.append({"kind": kind, "title": title, "x": x, "y": y, "log": log, "series": series})

    # --- reckoning
    @staticmethod
    def mean(values):
        return statistics.fmean(values)

    @staticmethod
    def median(values):
        return statistics.median(values)

    @staticmethod
    def quantile(values, q):
        """Linear between neighbours; q from 0 to 1."""
        ordered = sorted(values)
        at = q * (len(ordered) - 1)
        low = math.floor(at)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (at - low)

    @staticmethod
    def jain(values):
        """Jain's index: 1 when all are equal, 1/n when one has everything."""
        values = list(values)
        squares = sum(v * v for v in values)
        return sum(values) ** 2 / (len(values) * squares) if squares else 1.0

    def outcome(self):
        return {"id": self.row.number, "title": self.row.title, "family": self.row.family,
                "about": (self.row.function.__doc__ or "").strip(), "commands": self.commands, "checks": self.checks,
                "plots": self.plots}


known_fingerprints = {}


def fingerprint(program):
    if program not in known_fingerprints:
        known_fingerprints[program] = hashlib.sha256(pathlib.Path(program).read_bytes()).digest()
    return known_fingerprints[program]


# --- all rows

def load(scenarios=ROOT / "scenarios"):
    sys.modules.setdefault("reproduce", sys.modules[__name__])  # also when this file runs as the program
    for file in sorted(pathlib.Path(scenarios).glob("*/rows.py")):
        spec = importlib.util.spec_from_file_location(f"rows_{file.parent.name}", file)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def natural(number):
    """S-2 before S-10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", number) if part]


def do(number, fast, program, build):
    """In a process of its own: (number, outcome or None, what went wrong or None)."""
    chosen = next(r for r in rows if r.number == number)
    run = Run(chosen, fast, program, build)
    try:
        chosen.function(run)
        if not run.checks:
            raise Problem("checks nothing")
        return number, run.outcome(), None
    except Problem as problem:
        return number, None, str(problem)
    except Exception:  # a mistake in a row shall not hide the others
        return number, None, traceback.format_exc(limit=4)


def wrong(check):
    """Why the command must not succeed with this check, or nothing."""
    if not check["holds"] and not check["contested"]:
        return f"{check['what']}: {check['ours']}" + (f"; wanted: {check['criterion']}" if check["criterion"] else "")
    if check["holds"] and check["contested"]:
        return f"{check['what']}: holds, but is marked as contested: take the mark away"
    return None


def report(number, outcome, problem):
    """Lines of the protocol of test suites; whether all is well."""
    if problem is not None:
        lines = problem.strip().splitlines()
        print(f"not ok {number}: {lines[-1]}")
        for line in lines:
            print(f"    | {line}")
        return False
    bad = [w for w in map(wrong, outcome["checks"]) if w]
    met = sum(c["holds"] for c in outcome["checks"])
    if bad:
        print(f"not ok {number}: {bad[0]}")
        for w in bad:
            print(f"    | {w}")
    else:
        print(f"ok {number} ({met} of {len(outcome['checks'])} criteria met)")
    sys.stdout.flush()
    return not bad


# --- the page

def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def page_of(outcomes):
    outcomes = sorted(outcomes, key=lambda o: natural(o["id"]))
    checks = [c for o in outcomes for c in o["checks"]]
    met = sum(c["holds"] for c in checks)
    out = ["# The literature, reproduced", "",
           "Published results on Multipath TCP as scenarios for the simulator, which runs the same stack as the programs.",
           "Written by `./dev reproduce`; one row: `./dev reproduce 'S-1\\.5'`. Scenarios and criteria lie in [`scenarios/`](../scenarios),",
           "what the simulator does not model stands at the top of [sim.md](sim.md).", "",
           f"**{met} of {len(checks)} criteria are met.**", "",
           "Where a value stands beside the source *reference model*, it was measured by running the scenario in a packet-level",
           "simulator with NewReno senders, no SACK and no delayed ACKs; *derived* values come from a formula; other sources are",
           "named as the paper or the draft. Such senders are a little slower than ours where packets are lost.", ""]
    out += ["| row | what | criteria met |", "|---|---|---|"]
    for o in outcomes:
        good = sum(c["holds"] for c in o["checks"])
        out.append(f"| [{o['id']}](#{anchor(o)}) | {cell(o['title'])} | {good} of {len(o['checks'])} |")
    for o in outcomes:
        out += ["", f"## {o['id']}: {o['title']}", ""]
        if o["about"]:
            out += [" ".join(o["about"].split()), ""]
        out += ["| what | published | source | criterion | ours | met |", "|---|---|---|---|---|---|"]
        for c in o["checks"]:
            words = [c["what"], c["published"], c["source"], c["criterion"], c["ours"], "yes" if c["holds"] else "**no**"]
            out.append("| " + " | ".join(map(cell, words)) + " |")
        for c in o["checks"]:
            if c["contested"]:
                out += ["", f"*Not met: {c['what']}.* {' '.join(c['contested'].split())}"]
        for n, plot in enumerate(o["plots"], 1):
            out += ["", f"![{cell(plot['title'])}](reproduction/{file_of(o)}-{n}.svg)"]
        if o["commands"]:
            out += ["", "Again: " + "; ".join(f"`{c}`" for c in o["commands"])]
    return "\n".join(out) + "\n"


def anchor(outcome):
    heading = f"{outcome['id']}: {outcome['title']}"
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def file_of(outcome):
    return re.sub(r"[^A-Za-z0-9.-]+", "_", outcome["id"])


def draw(plot, file):
    """Draws a plot as SVG, the same bytes each time."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "anabranch", "font.size": 9, "axes.spines.top": False,
                                "axes.spines.right": False, "legend.frameon": False, "svg.fonttype": "none"})
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7.2, 3.4), layout="constrained")
    series = plot["series"]
    if plot["kind"] == "bars":
        groups = series[0]["x"]
        width = 0.8 / len(series)
        for n, s in enumerate(series):
            axes.bar([g + (n - (len(series) - 1) / 2) * width for g in range(len(groups))], s["y"], width, label=s["name"])
        axes.set_xticks(range(len(groups)), groups)
    elif plot["kind"] == "cdf":
        for s in series:
            values = sorted(s["x"])
            axes.step(values, [(n + 1) / len(values) for n in range(len(values))], where="post", label=s["name"])
    elif plot["kind"] == "scatter":
        for s in series:
            axes.plot(s["x"], s["y"], ".", markersize=4, label=s["name"])
    else:
        for s in series:
            axes.plot(s["x"], s["y"], marker="o" if len(s["x"]) < 20 else "", markersize=3, linewidth=1.2, label=s["name"])
    axes.set_title(plot["title"], fontsize=10, loc="left")
    axes.set_xlabel(plot["x"])
    axes.set_ylabel(plot["y"] or ("share of runs" if plot["kind"] == "cdf" else ""))
    if "x" in plot["log"]:
        axes.set_xscale("log")
    if "y" in plot["log"]:
        axes.set_yscale("log")
    if len(series) > 1 or series[0]["name"]:
        axes.legend(fontsize=8)
    axes.grid(True, alpha=0.25, linewidth=0.6)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def render(docs, known=None):
    """Writes the page and its plots from what is on file; rows that are gone lose their files."""
    folder = docs / "reproduction"
    outcomes = []
    for file in sorted(folder.glob("*.json")):
        outcome = json.loads(file.read_text())
        if known is not None and outcome["id"] not in known:
            for old in folder.glob(f"{file.stem}-*.svg"):
                old.unlink()
            file.unlink()
            continue
        outcomes.append(outcome)
    try:
        import matplotlib  # noqa: F401
        for outcome in outcomes:
            for n, plot in enumerate(outcome["plots"], 1):
                draw(plot, folder / f"{file_of(outcome)}-{n}.svg")
    except ImportError:
        print("reproduce: no python3-matplotlib, so the plots stay as they are")
    (docs / "reproduction.md").write_text(page_of(outcomes))


def tidy(value):
    """Numbers of plots to six digits: differences beyond that are nobody's business, but make files large."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [tidy(v) for v in value]
    if isinstance(value, dict):
        return {k: tidy(v) for k, v in value.items()}
    return value


def keep(outcome, docs):
    folder = docs / "reproduction"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file_of(outcome)}.json").write_text(json.dumps(tidy(outcome), indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.splitlines()[2].removeprefix("usage: "))
    parser.add_argument("--program", default=ROOT / "build/release/anabranch")
    parser.add_argument("--build", default=ROOT / "build/dev")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--render", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("patterns", nargs="*")
    wanted = parser.parse_args()
    load()
    docs = ROOT / "docs"
    chosen = [r for r in rows if (r.fast or not wanted.fast) and
              (not wanted.patterns or any(re.search(p, r.number) for p in wanted.patterns))]
    if wanted.list:
        for r in sorted(chosen, key=lambda r: natural(r.number)):
            print(f"{r.number}  {r.title}" + ("  (fast)" if r.fast else ""))
        return 0
    if wanted.render:
        render(docs, {r.number for r in rows})
        return 0
    if not chosen:
        raise Problem("no row of that name; --list shows them")
    if not pathlib.Path(wanted.program).is_file():
        raise Problem(f"{wanted.program}: not there; `./dev build` makes it")
    good = True
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(wanted.jobs, mp_context=context) as pool:
        jobs = [pool.submit(do, r.number, wanted.fast, wanted.program, wanted.build)
                for r in sorted(chosen, key=lambda r: -r.cost)]
        for job in concurrent.futures.as_completed(jobs):
            number, outcome, problem = job.result()
            good = report(number, outcome, problem) and good
            if outcome and not wanted.fast:
                keep(outcome, docs)
    if not wanted.fast:
        render(docs, {r.number for r in rows})
    return 0 if good or wanted.fast else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"reproduce: {problem}")
