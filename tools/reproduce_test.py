"""reproduce.py: rows, what counts as a failure, the page, and a run against a program that answers like the simulator."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import reproduce

SIM = """#!/usr/bin/env python3
import json, sys
words = sys.argv[1:]
first, last = map(int, words[words.index("--seeds") + 1].split(".."))
sets = [words[i + 1] for i, w in enumerate(words) if w == "--set"]
open(sys.argv[0] + ".calls", "a").write("x")
print(json.dumps([{"seed": s, "sets": sets} for s in range(first, last + 1)]))
"""


def check(holds, contested=None):
    return {"what": "a", "holds": holds, "ours": "1", "published": "", "source": "", "criterion": "2", "contested": contested}


class Verdicts(unittest.TestCase):
    def test_a_criterion_that_is_not_met_is_wrong_unless_it_is_contested(self):
        self.assertIsNone(reproduce.wrong(check(True)))
        self.assertIn("wanted: 2", reproduce.wrong(check(False)))
        self.assertIsNone(reproduce.wrong(check(False, "because")))

    def test_a_contested_criterion_that_is_met_is_wrong(self):
        self.assertIn("contested", reproduce.wrong(check(True, "because")))

    def test_a_row_that_breaks_is_not_ok(self):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertFalse(reproduce.report("S-1", None, "Traceback\nValueError: no"))
        self.assertTrue(said.getvalue().startswith("not ok S-1: ValueError: no\n"))


class Reckoning(unittest.TestCase):
    def test_jain_is_one_for_equals_and_a_fraction_for_one_who_has_all(self):
        self.assertAlmostEqual(reproduce.Run.jain([3, 3, 3]), 1)
        self.assertAlmostEqual(reproduce.Run.jain([1, 0, 0, 0]), 0.25)

    def test_quantiles_lie_between_neighbours(self):
        self.assertEqual(reproduce.Run.quantile([4, 1, 3, 2], 0.5), 2.5)
        self.assertEqual(reproduce.Run.quantile([5], 0.9), 5)

    def test_two_comes_before_ten(self):
        self.assertLess(reproduce.natural("S-2.1"), reproduce.natural("S-10"))


class Pages(unittest.TestCase):
    def test_the_page_shows_every_check_and_why_one_is_not_met(self):
        page = reproduce.page_of([{"id": "S-9", "title": "T", "family": "f", "about": "", "commands": ["c"], "plots": [],
                                   "checks": [check(True), check(False, "the reason")]}])
        self.assertIn("**1 of 2 criteria are met.**", page)
        self.assertIn("the reason", page)
        self.assertIn("[S-9](#s-9-t)", page)


class Runs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) if hasattr(self, "enterContext") else None
        if self.folder is None:
            kept = tempfile.TemporaryDirectory()
            self.addCleanup(kept.cleanup)
            self.folder = pathlib.Path(kept.name)
        (self.folder / "family").mkdir()
        (self.folder / "family/a.toml").write_text("x = 1\n")
        self.program = self.folder / "sim"
        self.program.write_text(SIM)
        self.program.chmod(0o755)
        row = reproduce.Row("S-1", "t", lambda r: None, "family", True, 1)
        self.run_ = reproduce.Run(row, False, self.program, self.folder, scenarios=self.folder, cache=self.folder / "cache")

    def calls(self):
        return len(pathlib.Path(str(self.program) + ".calls").read_text())

    def test_one_result_a_seed_with_the_settings_given(self):
        runs = self.run_.sim("a.toml", seeds=self.run_.seeds(3), sets={"flow.a.x": True, "b": 2})
        self.assertEqual([r["seed"] for r in runs], [1, 2, 3])
        self.assertEqual(runs[0]["sets"], ["flow.a.x=true", "b=2"])

    def test_the_same_run_is_not_run_again_until_something_changes(self):
        self.run_.sim("a.toml")
        self.run_.sim("a.toml")
        self.assertEqual(self.calls(), 1)
        (self.folder / "family/a.toml").write_text("x = 2\n")
        self.run_.sim("a.toml")
        self.assertEqual(self.calls(), 2)

    def test_a_missing_scenario_is_told(self):
        with self.assertRaisesRegex(reproduce.Problem, "no such scenario"):
            self.run_.sim("b.toml")


if __name__ == "__main__":
    unittest.main()
