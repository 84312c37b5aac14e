#!/usr/bin/env python3
"""Lists files and functions larger than the aims in floors.toml. Reports; never fails: a reader decides.

usage: sizes.py [--root DIR]

Functions are measured by universal-ctags (braces included); without it only files are.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tomllib

TOPS = ("src", "apps", "lab", "tests", "bench", "examples")


def sources(root):
    for top in TOPS:
        yield from sorted(p for p in (root / top).rglob("*") if p.suffix in (".hh", ".cc") and p.is_file())


def aim_for(path, aims):
    if path.name.endswith("_test.cc") or "tests" in path.parts:
        return aims["test"]
    return aims["header"] if path.suffix == ".hh" else aims["source"]


def long_files(root, aims):
    """(lines, aim, path) of every file beyond its aim, largest first."""
    found = []
    for full in sources(root):
        lines = full.read_bytes().count(b"\n")
        path = full.relative_to(root)
        if lines > aim_for(path, aims):
            found.append((lines, aim_for(path, aims), path))
    return sorted(found, key=lambda f: (-f[0], str(f[2])))


def long_functions(root, aims):
    """(lines, path, line, name) of every function beyond the aim, longest first; None without universal-ctags."""
    ctags = shutil.which("ctags-universal") or shutil.which("ctags")
    files = [str(p.relative_to(root)) for p in sources(root)]
    if not ctags or not files:
        return None if not ctags else []
    run = subprocess.run(
        [ctags, "--output-format=json", "--fields=+neS", "--languages=C++", "--map-C++=+.hh", "--kinds-C++=f", "-L", "-", "-f", "-"],
        input="\n".join(files), capture_output=True, text=True, cwd=root, check=False,
    )
    if run.returncode != 0:
        return None
    found = []
    for line in run.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("_type") != "tag" or "end" not in tag:
            continue
        lines = tag["end"] - tag["line"] + 1
        if lines > aims["function"]:
            name = "::".join(filter(None, (tag.get("scope"), tag["name"])))
            found.append((lines, tag["path"], tag["line"], name))
    return sorted(found, key=lambda f: (-f[0], f[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root.resolve()
    aims = tomllib.loads((root / "floors.toml").read_text())["sizes"]
    files = long_files(root, aims)
    for lines, aim, path in files:
        print(f"{path}: {lines} lines (aim {aim})")
    functions = long_functions(root, aims)
    for lines, path, line, name in functions or []:
        print(f"{path}:{line}: {name}: {lines} lines (aim {aims['function']})")
    if functions is None:
        print("sizes: functions not measured, universal-ctags is not installed")
    print(f"sizes: {len(files)} files and {len(functions or [])} functions larger than we aim for")
    return 0


if __name__ == "__main__":
    sys.exit(main())
