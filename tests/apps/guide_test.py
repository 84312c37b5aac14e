#!/usr/bin/env python3
"""The transcripts of docs/guide/*.md are what the program says.

    guide_test.py PROGRAM            runs each command of a ```console block and compares; numbers may differ
    guide_test.py PROGRAM --update   writes what the program says into the pages

Numbers are figures of the protocol and change with it; what is compared is everything between them.
"""
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.S | re.M)


def said(program, command):
    words = shlex.split(command)
    assert words[0] == "anabranch", command
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, timeout=120, cwd=ROOT)
    return done.stdout + done.stderr


def without_numbers(text):
    """Figures and the width of columns left out; a figure may also be missing ("-")."""
    text = re.sub(r"\b\d+(\.\d+)?( (B|KB|MB|GB))?(?![\w.])", "#", text)
    return re.sub(r"[ -]+", " ", text.replace("#", "")).strip()


def commands(block):
    """(command, expected output) of each."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def main():
    program, update = pathlib.Path(sys.argv[1]).resolve(), "--update" in sys.argv
    wrong = count = 0
    for page in sorted((ROOT / "docs/guide").glob("*.md")):
        text = page.read_text()
        for block in BLOCK.findall(text):
            new = ""
            for command, expected in commands(block):
                count += 1
                output = said(program, command)
                new += f"$ {command}\n{output}" + ("" if output.endswith("\n") else "\n")
                if not update and without_numbers(output) != without_numbers(expected):
                    print(f"{page.name}: `{command}` says\n{output}")
                    wrong += 1
            text = text.replace(block, new)
        if update:
            page.write_text(text)
    print(f"{count} transcripts, {wrong} wrong")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
