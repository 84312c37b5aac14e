#!/usr/bin/env python3
"""Checks the pages: every relative link leads somewhere, and the --help texts on file are the program's.

usage: docs.py [--root DIR] [--program FILE] [--update]

Help texts lie in tests/golden/help/: main.txt for `anabranch --help`, get.txt for `anabranch get --help`. They are
compared when both they and the program exist; --update writes those on file anew. Exits 1 when anything is wrong.
"""

import argparse
import pathlib
import re
import subprocess
import sys

FENCE = re.compile(r"^(```|~~~).*?^\1", re.S | re.M)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.M)
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//", re.I)


def anchor(heading):
    """The fragment that a heading gets when it is rendered."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text):
    return {anchor(h) for h in HEADING.findall(FENCE.sub("", text))}


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def broken_links(root, page):
    """(line, what) for each relative link of a page that leads nowhere."""
    text = page.read_text(errors="replace")
    plain = CODE.sub(blank, FENCE.sub(blank, text))
    for match in LINK.finditer(plain):
        target = match.group(1)
        if ELSEWHERE.match(target):
            continue
        name, _, fragment = target.partition("#")
        goal = page if not name else (root / name.lstrip("/") if name.startswith("/") else page.parent / name)
        line = plain.count("\n", 0, match.start()) + 1
        if not goal.exists():
            yield line, f"{target}: no such file"
        elif fragment and goal.suffix == ".md" and fragment not in anchors(goal.read_text(errors="replace")):
            yield line, f"{target}: no such heading"


def pages(root):
    skipped = {"build", ".git", "node_modules", ".cache"}
    return sorted(p for p in root.rglob("*.md") if not skipped & set(p.relative_to(root).parts))


def stale_help(root, program, update):
    """(file, what) for each help text on file that differs from what the program says."""
    if not program.is_file():
        return
    for page in sorted((root / "tests/golden/help").glob("*.txt")):
        command = [str(program)] + ([] if page.stem == "main" else [page.stem]) + ["--help"]
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
        if run.returncode != 0:
            yield page, f"{' '.join(command[1:])} ends with status {run.returncode}"
        elif update:
            page.write_text(run.stdout)
        elif run.stdout != page.read_text():
            yield page, "differs from the program's; `./dev docs --update` writes it anew"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--program", type=pathlib.Path, default=pathlib.Path("build/release/anabranch"))
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    wrong = [(page, f":{line}: {what}") for page in pages(root) for line, what in broken_links(root, page)]
    wrong += [(page, f": {what}") for page, what in stale_help(root, root / arguments.program, arguments.update)]
    for page, what in wrong:
        print(f"{page.relative_to(root)}{what}")
    print(f"docs: {len(pages(root))} pages, {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
