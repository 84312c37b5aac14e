#!/usr/bin/env python3
"""Turns test results into the line protocol of tests/interop/README.md.

usage: results.py junit FILE     from ctest's --output-junit
       results.py python DIR     runs the *_test.py of DIR with unittest

Prints `ok NAME`, `not ok NAME: reason` and `skip NAME: reason`, one line a test; the output of a failed test follows
its line, each line of it behind `    | `. Exits 0 whenever it could tell the results. Standard library only.
"""

import pathlib
import re
import sys
import unittest
import xml.etree.ElementTree as ElementTree

KEPT_OUTPUT = 120  # lines of a failed test's output that are shown: the last ones say what failed


def one_line(text):
    return " ".join((text or "").split())


# What GTest says around every single test.
CEREMONY = re.compile(r"^(Running main\(\) from|Note: Google Test filter|\[(=|-)+\]|\[  PASSED  \]| *\d+ FAILED TESTS?$)")


def indented(text):
    lines = [line for line in (text or "").rstrip().splitlines() if not CEREMONY.match(line)]
    if len(lines) > KEPT_OUTPUT:
        lines = [f"({len(lines) - KEPT_OUTPUT} lines before this are left out)"] + lines[-KEPT_OUTPUT:]
    return [f"    | {line}" for line in lines]


def skip_reason(case, output):
    """What GTEST_SKIP() said, else what ctest says."""
    said = re.search(r"Skipped\n(.*?)(?:\n\n|\n\[|\Z)", output, re.S)
    if said and said.group(1).strip():
        return one_line(said.group(1))
    skipped = case.find("skipped")
    message = skipped.get("message") if skipped is not None else None
    if not message or message.startswith("SKIP_REGULAR_EXPRESSION"):
        return "the test skipped itself"
    return one_line(message)


def failure_reason(failure, output):
    """Where GTest saw the first failure, else the last words of the program, else what ctest says."""
    first = re.search(r"^(\S+:\d+): Failure\n(.*)$", output, re.M)
    if first:
        return f"{first.group(1).rsplit('/', 1)[-1]}: {one_line(first.group(2))}"
    message = one_line(failure.get("message") if failure is not None else "")
    if message and message != "Failed":
        return message
    said = [line for line in output.splitlines() if line.strip() and not line.startswith("[") and not CEREMONY.match(line)]
    return one_line(said[-1])[:160] if said else "failed"


def from_junit(text):
    """Protocol lines for a ctest JUnit document."""
    for case in ElementTree.fromstring(text).iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        failure = case.find("failure")
        if failure is not None or status == "fail":
            yield f"not ok {name}: {failure_reason(failure, output)}"
            yield from indented(output)
        elif case.find("skipped") is not None and "Unable to find executable" in (case.find("skipped").get("message") or ""):
            yield f"not ok {name}: its program was not built"
        elif status in ("notrun", "disabled") or case.find("skipped") is not None:
            yield f"skip {name}: {skip_reason(case, output)}"
        else:
            yield f"ok {name}"


def from_python(folder):
    """Runs the Python tests of a folder and yields protocol lines."""
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    suite = unittest.defaultTestLoader.discover(str(folder), pattern="*_test.py")

    class Lines(unittest.TestResult):
        def __init__(self):
            super().__init__()
            self.lines = []

        def addSuccess(self, test):
            self.lines.append(f"ok {test.id()}")

        def addSkip(self, test, reason):
            self.lines.append(f"skip {test.id()}: {one_line(reason)}")

        def addFailure(self, test, err):
            self.lines.append(f"not ok {test.id()}: {one_line(str(err[1]))[:200]}")
            self.lines += indented(self._exc_info_to_string(err, test))

        addError = addFailure

        def addSubTest(self, test, subtest, err):
            if err is not None:
                self.addFailure(subtest, err)

    result = Lines()
    suite.run(result)
    return result.lines


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("junit", "python"):
        print(__doc__, file=sys.stderr)
        return 2
    path = pathlib.Path(sys.argv[2])
    for line in from_junit(path.read_text(errors="replace")) if sys.argv[1] == "junit" else from_python(path):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
