#!/usr/bin/env python3
"""What `--help` prints lies in help_*.txt beside this file and is reviewed like code.

    help_test.py PROGRAM            compare, and check the exit statuses of wrong command lines
    help_test.py PROGRAM --update   write the files anew
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
PAGES = {"main": ["--help"], "get": ["get", "--help"], "serve": ["serve", "--help"], "sim": ["sim", "--help"]}
# Wrong command lines: status 2, one line that starts with the program's name.
WRONG = [[], ["nonsense"], ["get"], ["get", "http://h/", "--no-such-option"], ["get", "ftp://h/"], ["get", "http://"],
         ["get", "http://h/", "--congestion", "none"], ["get", "http://h/", "--scheduler", "none"],
         ["get", "http://h/", "--mptcp-version", "2"],
         ["get", "http://h/", "-4", "-6"], ["get", "http://h/", "--json", "-o", "-"],
         ["get", "http://h/", "--max-time", "-1"], ["serve"], ["serve", "/tmp"], ["serve", "/tmp", "--port", "70000"],
         ["sim"], ["sim", "scenarios/first.toml", "--seeds", "3"], ["sim", "scenarios/first.toml", "--shard", "5/4"],
         ["sim", str(HERE / "../../scenarios/first.toml"), "--set", "flow.download.controller=none"], ["sim", "merge"]]


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20)


def main():
    program, update = sys.argv[1], "--update" in sys.argv
    wrong = 0
    for name, arguments in PAGES.items():
        done = run(program, *arguments)
        golden = HERE / f"help_{name}.txt"
        if update:
            golden.write_text(done.stdout)
        elif done.returncode != 0 or done.stdout != golden.read_text():
            print(f"`anabranch {' '.join(arguments)}` is not what {golden.name} says:\n{done.stdout}{done.stderr}")
            wrong += 1
        for line in done.stdout.splitlines():
            if len(line) > 100:
                print(f"{golden.name}: more than 100 columns: {line}")
                wrong += 1
    for arguments in WRONG:
        done = run(program, *arguments)
        lines = done.stderr.splitlines()
        if done.returncode != 2 or done.stdout or len(lines) != 1 or not lines[0].startswith("anabranch"):
            print(f"{arguments}: status {done.returncode}, {done.stdout!r}, {done.stderr!r}")
            wrong += 1
    if not run(program, "--version").stdout.startswith("anabranch "):
        print("--version")
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
