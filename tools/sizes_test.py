"""Tests of tools/sizes.py on a small tree of its own."""

import pathlib
import shutil
import tempfile
import unittest

import sizes

AIMS = {"function": 5, "source": 10, "header": 4, "test": 20}


class Sizes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "src/tcp").mkdir(parents=True)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        (self.root / "src/tcp" / name).write_text(text)

    def test_a_file_is_measured_against_the_aim_of_its_kind(self):
        for name in ("a.cc", "a.hh", "a_test.cc"):
            self.write(name, "//\n" * 11)
        found = [(lines, aim, path.name) for lines, aim, path in sizes.long_files(self.root, AIMS)]
        self.assertEqual(found, [(11, 10, "a.cc"), (11, 4, "a.hh")])

    @unittest.skipUnless(shutil.which("ctags"), "universal-ctags is not installed")
    def test_a_long_function_is_named_with_its_length(self):
        self.write("a.cc", "int small() { return 1; }\nint X::large() {\n" + "  f();\n" * 5 + "}\n")
        found = sizes.long_functions(self.root, AIMS)
        self.assertEqual([(lines, line, name) for lines, _, line, name in found], [(7, 2, "X::large")])


if __name__ == "__main__":
    unittest.main()
