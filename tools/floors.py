#!/usr/bin/env python3
"""Checks the architecture that floors.toml states: includes go downward, and the lower floors do without some words.

usage: floors.py [--root DIR]

Prints one line a violation, `file:line: what`, and exits 1; prints a summary and exits 0 when there is none.
Standard library only.
"""

import argparse
import pathlib
import re
import sys
import tomllib

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
TEST_ONLY = {"support"}  # tests/support, seen by *_test.cc
# Comments, string and character literals, longest first; a digit separator (1'000) is not a literal.
NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    re.S,
)


class Rules:
    """floors.toml, checked for sense."""

    def __init__(self, text):
        data = tomllib.loads(text)
        self.folders = data["folder"]
        self.banned = [(re.compile(b["words"]), b) for b in data.get("banned", [])]
        for name, folder in self.folders.items():
            for key in ("beside", "only", "never"):
                for other in folder.get(key, []):
                    if other not in self.folders:
                        raise ValueError(f"floors.toml: folder.{name}.{key} names {other}, which is no folder")
            for other in folder.get("beside", []):
                if self.folders[other]["floor"] != folder["floor"]:
                    raise ValueError(f"floors.toml: {name} and {other} are not on one floor")
                if name in self.folders[other].get("beside", []):
                    raise ValueError(f"floors.toml: {name} and {other} may not be beside each other in both directions")

    def floor(self, name):
        return self.folders[name]["floor"]

    def may(self, who, whom):
        """Whether code of folder `who` may include a header of folder `whom`."""
        if who == whom:
            return True
        folder = self.folders[who]
        if whom in folder.get("never", []):
            return False
        if whom in folder.get("beside", []):
            return True
        if "only" in folder:
            return whom in folder["only"]
        return self.floor(whom) < self.floor(who)


def without_noise(text):
    """The code with comments and literals blanked; line numbers stay."""
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def folder_of(path):
    """The folder of a path relative to the root: src/tcp/x.cc → tcp, apps/x.cc → apps."""
    return path.parts[1] if path.parts[0] == "src" and len(path.parts) > 2 else path.parts[0]


def check_includes(rules, path, text, root):
    who = folder_of(path)
    is_test = path.name.endswith("_test.cc")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        whom = target.split("/")[0]
        if "/" in target and whom in rules.folders:
            if not rules.may(who, whom):
                yield number, f"{who} (floor {rules.floor(who)}) may not include {target} (floor {rules.floor(whom)})"
        elif whom in TEST_ONLY:
            if not is_test:
                yield number, f'"{target}" is for tests only'
        elif path.parts[0] == "src":
            yield number, f'"{target}": name headers by their path from src/, as "{who}/..."'
        elif not ((root / path).parent / target).is_file() and not target.startswith("generated/"):
            yield number, f'"{target}" is neither in src/ nor beside the file'


def check_words(rules, path, text):
    who = folder_of(path)
    is_test = path.name.endswith("_test.cc")
    code = without_noise(text)
    for pattern, ban in rules.banned:
        if rules.floor(who) > ban["up_to"] or str(path) in ban.get("except", []):
            continue
        if is_test and not ban.get("tests", False):
            continue
        for match in pattern.finditer(code):
            yield code.count("\n", 0, match.start()) + 1, f"'{match.group().strip()}': {ban['why']}"


def check_targets(rules, root):
    """CMake's targets mirror the floors: a dependency that floors.toml does not allow is a violation too."""
    cmake = root / "CMakeLists.txt"
    if not cmake.is_file():
        return
    for number, line in enumerate(cmake.read_text().splitlines(), 1):
        match = re.match(r"\s*anabranch_floor\((\w+)(?:\s+DEPENDS\s+(.*?))?\)", line)
        if not match:
            continue
        who = match.group(1)
        if who not in rules.folders:
            yield number, f"anabranch_{who} has no entry in floors.toml"
            continue
        for whom in re.findall(r"\banabranch_(\w+)", match.group(2) or ""):
            if whom in rules.folders and not rules.may(who, whom):
                yield number, f"anabranch_{who} may not depend on anabranch_{whom}"


def check_tree(root):
    """All violations as (path, line, what), in the order of paths; and how many files were looked at."""
    rules = Rules((root / "floors.toml").read_text())
    found = [(pathlib.Path("CMakeLists.txt"), n, what) for n, what in check_targets(rules, root)]
    seen = 0
    for top in ("src", "apps"):
        for full in sorted((root / top).rglob("*")):
            if full.suffix not in (".hh", ".cc") or not full.is_file():
                continue
            path = full.relative_to(root)
            seen += 1
            if folder_of(path) not in rules.folders:
                found.append((path, 1, f"{folder_of(path)} has no floor in floors.toml"))
                continue
            text = full.read_text(errors="replace")
            found += [(path, n, what) for n, what in check_includes(rules, path, text, root)]
            found += [(path, n, what) for n, what in check_words(rules, path, text)]
    return found, seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    found, seen = check_tree(parser.parse_args().root.resolve())
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    print(f"floors: {seen} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
