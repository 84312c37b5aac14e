"""Tests of tools/floors.py on small trees of its own."""

import pathlib
import tempfile
import unittest

import floors

TOML = (pathlib.Path(__file__).resolve().parent.parent / "floors.toml").read_text()


def violations(files, toml=TOML):
    """What floors.py says about a tree of {path: text}, as 'path:line: what'."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "floors.toml").write_text(toml)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        found, _ = floors.check_tree(root)
        return [f"{path}:{line}: {what}" for path, line, what in found]


class Includes(unittest.TestCase):
    def refused(self, path, include):
        found = violations({path: f'#pragma once\n#include "{include}"\n'})
        self.assertEqual(len(found), 1, f"{path} including {include}: {found}")
        self.assertTrue(found[0].startswith(f"{path}:2: "), found[0])

    def allowed(self, path, include):
        self.assertEqual(violations({path: f'#include "{include}"\n'}), [])

    def test_an_upward_include_fails(self):
        self.refused("src/base/units.hh", "tcp/endpoint.hh")
        self.refused("src/tcp/endpoint.cc", "mptcp/connection.hh")
        self.refused("src/mptcp/connection.hh", "stack/stack.hh")

    def test_a_downward_include_passes(self):
        self.allowed("src/mptcp/connection.hh", "tcp/endpoint.hh")
        self.allowed("src/mptcp/roles/plain.cc", "mptcp/dialect.hh")
        self.allowed("apps/get.cc", "runtime/loop.hh")

    def test_siblings_meet_only_where_said_and_in_one_direction(self):
        self.allowed("src/tcp/endpoint.hh", "cc/controller.hh")
        self.refused("src/cc/cubic.hh", "tcp/endpoint.hh")
        self.allowed("src/crypto/keys.hh", "wire/mptcp_option.hh")
        self.refused("src/wire/writer.hh", "crypto/sha.hh")
        self.refused("src/stream/close.hh", "trace/event.hh")

    def test_a_device_sees_packets_and_nothing_above(self):
        self.allowed("src/device/tun.cc", "packet/frame.hh")
        self.refused("src/device/tun.cc", "stream/close.hh")
        self.refused("src/device/tun.cc", "stack/stack.hh")

    def test_the_simulator_and_the_runtime_never_meet(self):
        self.refused("src/sim/world.cc", "runtime/clock.hh")
        self.refused("src/runtime/loop.cc", "sim/world.hh")
        self.refused("src/api/stream.cc", "sim/world.hh")

    def test_a_unit_test_may_use_support_but_not_a_higher_floor(self):
        self.allowed("src/tcp/endpoint_test.cc", "support/script.hh")
        self.refused("src/tcp/endpoint.cc", "support/script.hh")
        self.refused("src/tcp/endpoint_test.cc", "stack/stack.hh")

    def test_headers_are_named_by_their_path_from_src(self):
        self.refused("src/tcp/endpoint.cc", "endpoint.hh")
        self.refused("src/tcp/endpoint.cc", "../mptcp/connection.hh")

    def test_a_folder_without_a_floor_fails(self):
        self.assertIn("has no floor", violations({"src/misc/x.cc": ""})[0])


class Words(unittest.TestCase):
    def banned(self, code, path="src/tcp/x.cc"):
        return violations({path: code + "\n"})

    def test_clocks_randomness_and_sleeps_stay_above_floor_6(self):
        for code in (
            "auto t = std::chrono::steady_clock::now();",
            "clock_gettime(CLOCK_MONOTONIC, &ts);",
            "auto t = time(NULL);",
            "int r = std::rand();",
            "std::random_device device;",
            "std::this_thread::sleep_for(x);",
        ):
            self.assertEqual(len(self.banned(code)), 1, code)
            self.assertEqual(len(self.banned(code, "src/sim/x_test.cc")), 1, code)
            self.assertEqual(self.banned(code, "src/runtime/x.cc"), [], code)

    def test_raw_allocation_and_exceptions_stay_out_of_the_core(self):
        for code in ("auto* p = new int;", "void* p = malloc(3);", "delete p;", 'throw Error{"x"};'):
            self.assertEqual(len(self.banned(code)), 1, code)
            self.assertEqual(self.banned(code, "src/tcp/x_test.cc"), [], code)
        self.assertEqual(self.banned("auto* p = new int;", "src/packet/slab.cc"), [])

    def test_words_in_comments_strings_and_longer_names_are_not_meant(self):
        for code in (
            "// a new segment; we throw it away",
            "/* malloc(3)\n   throw */ int x = 1'000'000;",
            'auto s = "new time(NULL) throw";',
            'auto s = R"(throw new)";',
            "NewReno new_reno; X(const X&) = delete;",
            "#include <new>",
            "deadline.time(0); int operand(int);",
        ):
            self.assertEqual(self.banned(code), [], code)

    def test_the_line_that_is_named_is_the_line_it_is_on(self):
        found = self.banned("/* one\ntwo */\n\nint f() { throw 1; }")
        self.assertTrue(found[0].startswith("src/tcp/x.cc:4: "), found)


class Rules(unittest.TestCase):
    def test_beside_in_both_directions_is_refused(self):
        toml = '[folder.a]\nfloor=1\nbeside=["b"]\n[folder.b]\nfloor=1\nbeside=["a"]\n'
        with self.assertRaisesRegex(ValueError, "both directions"):
            floors.Rules(toml)

    def test_a_name_that_is_no_folder_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no folder"):
            floors.Rules('[folder.a]\nfloor=1\nonly=["zz"]\n')

    def test_a_cmake_dependency_upward_fails(self):
        cmake = "anabranch_floor(base)\nanabranch_floor(tcp DEPENDS anabranch_cc anabranch_mptcp fmt::fmt)\n"
        self.assertEqual(
            violations({"CMakeLists.txt": cmake}), ["CMakeLists.txt:2: anabranch_tcp may not depend on anabranch_mptcp"]
        )


if __name__ == "__main__":
    unittest.main()
