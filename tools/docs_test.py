"""Tests of tools/docs.py on small trees of its own."""

import pathlib
import tempfile
import unittest

import docs


class Links(unittest.TestCase):
    def wrong(self, files):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            return [what for page in docs.pages(root) for what in docs.broken_links(root, page)]

    def test_a_link_to_a_missing_file_is_found_with_its_line(self):
        self.assertEqual(self.wrong({"a.md": "\n\n[x](docs/none.md)\n"}), [(3, "docs/none.md: no such file")])

    def test_links_to_files_headings_and_elsewhere_pass(self):
        page = "[b](docs/b.md) [h](docs/b.md#the-second-one) [w](https://example.org/x) [s](#here)\n# Here\n"
        self.assertEqual(self.wrong({"a.md": page, "docs/b.md": "# One\n## The `second` one\n[a](../a.md)\n"}), [])

    def test_a_missing_heading_is_found(self):
        self.assertEqual(self.wrong({"a.md": "[h](b.md#no)", "b.md": "# Yes"}), [(1, "b.md#no: no such heading")])

    def test_code_is_not_a_link(self):
        self.assertEqual(self.wrong({"a.md": "```cpp\n[&](x) {}\n```\n`[&](y)`\n"}), [])


class Help(unittest.TestCase):
    def test_a_help_text_that_is_not_the_programs_is_found_and_can_be_written_anew(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "tests/golden/help").mkdir(parents=True)
            page = root / "tests/golden/help/get.txt"
            page.write_text("old\n")
            program = root / "anabranch"
            program.write_text('#!/bin/sh\necho "help of $1"\n')
            program.chmod(0o755)
            self.assertEqual(len(list(docs.stale_help(root, program, update=False))), 1)
            self.assertEqual(list(docs.stale_help(root, program, update=True)), [])
            self.assertEqual(page.read_text(), "help of get\n")
            self.assertEqual(list(docs.stale_help(root, program, update=False)), [])


if __name__ == "__main__":
    unittest.main()
