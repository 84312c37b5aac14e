"""Tests of tools/results.py on documents as ctest 3.25 writes them."""

import unittest

import results

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="x" tests="5" failures="1" disabled="0" skipped="2">
  <testcase name="A.Passes" classname="A.Passes" time="0.1" status="run"><system-out>fine</system-out></testcase>
  <testcase name="A.Fails" classname="A.Fails" time="0.1" status="fail">
    <failure message=""/><system-out>Running main() from gtest_main.cc
[ RUN      ] A.Fails
/x/a_test.cc:3: Failure
expected 1
got 2</system-out></testcase>
  <testcase name="A.Stops" classname="A.Stops" time="0.1" status="fail">
    <failure message=""/><system-out>[ RUN      ] A.Stops
seq.hh:7: broken invariant: a &lt; b
</system-out></testcase>
  <testcase name="A.Skips" classname="A.Skips" time="0" status="notrun">
    <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
    <system-out>[ RUN      ] A.Skips
x_test.cc:3: Skipped
no such device

[  SKIPPED ] A.Skips (0 ms)</system-out></testcase>
  <testcase name="B.NotBuilt" classname="B.NotBuilt" time="0" status="notrun">
    <skipped message="Unable to find executable: b_test_NOT_BUILT"/></testcase>
  <testcase name="B.Disabled" classname="B.Disabled" time="0" status="disabled"><skipped message="Disabled"/></testcase>
</testsuite>
"""


class Junit(unittest.TestCase):
    def test_each_case_becomes_a_line_and_a_failure_brings_its_output(self):
        self.assertEqual(
            list(results.from_junit(DOCUMENT)),
            [
                "ok A.Passes",
                "not ok A.Fails: a_test.cc:3: expected 1",
                "    | [ RUN      ] A.Fails",
                "    | /x/a_test.cc:3: Failure",
                "    | expected 1",
                "    | got 2",
                "not ok A.Stops: seq.hh:7: broken invariant: a < b",
                "    | [ RUN      ] A.Stops",
                "    | seq.hh:7: broken invariant: a < b",
                "skip A.Skips: no such device",
                "not ok B.NotBuilt: its program was not built",
                "skip B.Disabled: Disabled",
            ],
        )

    def test_a_long_output_is_shown_from_its_end(self):
        lines = results.indented("\n".join(str(n) for n in range(500)))
        self.assertEqual(len(lines), results.KEPT_OUTPUT + 1)
        self.assertEqual(lines[-1], "    | 499")


if __name__ == "__main__":
    unittest.main()
