"""Tests of tools/rfc_coverage.py on small trees of its own."""

import pathlib
import tempfile
import unittest

import rfc_coverage

TOML = """
rfc = 1234
title = "On examples"
[[section]]
number = "3.1"
title = "First"
[[requirement]]
id = "1234-3.1-01"
section = "3.1"
level = "must"
role = "client"
text = "Says | hello."
[[requirement]]
id = "1234-MUST-2"
section = "3.1"
level = "may"
text = "Says goodbye."
"""
MORE = """
[[requirement]]
id = "1234-3.1-03"
section = "3.1"
level = "must not"
text = "Shouts."
"""
CODE = "int hello();  // why [1234-3.1-01 1234-MUST-2]\n"
SCRIPT = "# RFC 1234: hello\n# covers 1234-3.1-01\n"
BOTH = {"src/tcp/x.cc": CODE, "tests/scripts/a/hello.script": SCRIPT}


class Tree:
    """A tree of {path: text} with one document of requirements, gathered."""

    def __init__(self, files, toml=TOML):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for path, text in {"docs/rfc/rfc1234.toml": toml, **files}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        self.documents = rfc_coverage.read_documents(self.root)
        self.wrong = rfc_coverage.gather(self.root, self.documents)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.folder.cleanup()

    def requirement(self, identifier):
        return next(r for d in self.documents for r in d.requirements if r.id == identifier)

    def complaints(self):
        return rfc_coverage.check(self.root, self.documents, self.wrong)


def tests_of(files, identifier="1234-3.1-01"):
    with Tree(files) as tree:
        return {name for _, name in tree.requirement(identifier).tests}


class Citations(unittest.TestCase):
    def test_code_and_scripts_are_told_apart(self):
        with Tree(BOTH) as tree:
            self.assertEqual(tree.wrong, [])
            hello, goodbye = tree.requirement("1234-3.1-01"), tree.requirement("1234-MUST-2")
            self.assertEqual({str(p) for p in hello.code}, {"src/tcp/x.cc"})
            self.assertEqual({(str(p), n) for p, n in hello.tests}, {("tests/scripts/a/hello.script", "hello")})
            self.assertEqual((len(goodbye.code), goodbye.tests), (1, set()))

    def test_a_citation_in_or_above_a_cpp_test_belongs_to_it(self):
        one = "TEST(A, One) {\n  // [1234-3.1-01]\n}\n"
        self.assertEqual(tests_of({"src/tcp/x_test.cc": one + "TEST(A, Two) {}\n"}), {"A.One"})
        above = "TEST(A, One) {}\n// [1234-3.1-01]\n// more\nTEST_F(A, Two) {}\n"
        self.assertEqual(tests_of({"tests/tcp/x_test.cc": above}), {"A.Two"})
        beside = "TEST(A, One) {  // [1234-3.1-01]\n}\nTEST(A, Two) {}\n"
        self.assertEqual(tests_of({"tests/tcp/x_test.cc": beside}), {"A.One"})
        table = "// [1234-3.1-01]\nconst Row kRows[] = {};\n"
        self.assertEqual(tests_of({"tests/tcp/x_test.cc": table}), {"x_test"})

    def test_support_and_corpora_are_neither(self):
        for path in ("tests/support/x.cc", "tests/fuzz/corpus/x.cc"):
            with Tree({path: CODE}) as tree:
                self.assertEqual(tree.requirement("1234-3.1-01").tests, set())

    def test_ids_outside_of_comments_and_brackets_are_no_citations(self):
        with Tree({"src/tcp/x.cc": 'auto s = "[1234-3.1-01]";\n// 1234-3.1-01\n'}) as tree:
            self.assertEqual(tree.requirement("1234-3.1-01").code, set())

    def test_an_id_that_does_not_exist_is_wrong_and_the_line_is_named(self):
        for path, text in (
            ("src/tcp/x.cc", "\n// [1234-3.1-09]\n"),
            ("src/tcp/x.cc", "\n// [1234-3.1-1]\n"),
            ("tests/scripts/a/b.script", "# x\n# covers 1234-3.1-01 1234-MUST-77\n"),
        ):
            with Tree({path: text}) as tree:
                self.assertEqual([(str(p), line) for p, line, _ in tree.wrong], [(path, 2)])
                self.assertIn("no such requirement", tree.complaints()[0])


class Checks(unittest.TestCase):
    def stale(self, complaints):
        return [c for c in complaints if "stale" not in c]

    def test_a_must_without_a_test_is_a_complaint_and_a_may_is_not(self):
        with Tree({"src/tcp/x.cc": CODE}) as tree:
            self.assertEqual(self.stale(tree.complaints()), ["1234-3.1-01: no test: Says | hello."])
        with Tree(BOTH, TOML + MORE) as tree:
            self.assertEqual(self.stale(tree.complaints()), ["1234-3.1-03: no test: Shouts."])

    def test_a_reason_excuses(self):
        for excuse in ("deviation", "not_applicable"):
            with Tree(BOTH, TOML + MORE + f'{excuse} = "nobody listens"\n') as tree:
                self.assertEqual(self.stale(tree.complaints()), [])
                self.assertIn("nobody listens", rfc_coverage.page(tree.documents))

    def test_citing_what_is_not_applicable_is_wrong(self):
        files = {**BOTH, "src/tcp/y.cc": "// [1234-3.1-03]\n"}
        with Tree(files, TOML + MORE + 'not_applicable = "x"\n') as tree:
            self.assertIn("src/tcp/y.cc:1: 1234-3.1-03: is said to be not applicable", tree.complaints())

    def test_the_page_is_stale_until_it_is_written(self):
        with Tree(BOTH) as tree:
            self.assertIn("stale", tree.complaints()[0])
            (tree.root / "docs/rfc/coverage.md").write_text(rfc_coverage.page(tree.documents, tree.root))
            self.assertEqual(tree.complaints(), [])


class Page(unittest.TestCase):
    def test_a_row_links_code_and_tests_and_bars_do_not_break_it(self):
        with Tree(BOTH) as tree:
            self.assertIn(
                "| 1234-3.1-01 | Says \\| hello. | must, client | [tcp/x.cc](../../src/tcp/x.cc) "
                "| [a/hello](../../tests/scripts/a/hello.script) |",
                rfc_coverage.page(tree.documents).splitlines(),
            )

    def test_a_decision_that_is_named_becomes_a_link(self):
        files = {"docs/decisions/0007-ports.md": ""}
        with Tree(files, TOML + MORE + 'deviation = "See decision 0007, not decision 0008."\n') as tree:
            said = rfc_coverage.page(tree.documents, tree.root)
            self.assertIn("See [decision 0007](../decisions/0007-ports.md), not decision 0008.", said)

    def test_gaps_are_listed_at_the_top(self):
        with Tree(BOTH, TOML + MORE) as tree:
            self.assertIn("- 1234-3.1-03 lacks a test and code: Shouts.", rfc_coverage.page(tree.documents))


class Documents(unittest.TestCase):
    def refused(self, toml, what):
        with self.assertRaisesRegex(ValueError, what):
            rfc_coverage.read_document(toml, "rfc1234.toml")

    def test_what_a_document_may_not_say(self):
        self.refused(TOML.replace('"must"', '"shall"'), "level 'shall'")
        self.refused(TOML.replace('"client"', '"waiter"'), "role 'waiter'")
        self.refused(TOML.replace("1234-MUST-2", "1234-3.1-01"), "twice: 1234-3.1-01")
        self.refused(TOML.replace("1234-MUST-2", "999-MUST-2"), "not an id")
        self.refused(TOML.replace("1234-MUST-2", "9999-MUST-2"), "not an id of this document")
        self.refused(TOML.replace('section = "3.1"\nlevel = "may"', 'section = "9"\nlevel = "may"'), "no section 9")
        self.refused(TOML + 'excuse = "none"\n', "no such field: excuse")


if __name__ == "__main__":
    unittest.main()
