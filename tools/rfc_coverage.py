#!/usr/bin/env python3
"""Says for each requirement of an RFC where it is coded and which tests would notice if it were not.

usage: rfc_coverage.py [--root DIR] [--check]

Requirements are in docs/rfc/rfc*.toml. Code and tests cite their ids: `// [8684-3.1-04]` in C++ (several in one pair of
brackets, with spaces between), `# covers 8684-3.1-04 8684-3.1-05` elsewhere. Writes docs/rfc/coverage.md.
--check writes nothing and exits 1 when something is wrong: an id cited that does not exist, a MUST or MUST NOT without
a test that is neither a deviation nor not applicable, a citation at something not applicable, a page that is stale.
"""

import argparse
import collections
import dataclasses
import pathlib
import re
import sys
import tomllib

IDENTIFIER = r"\d{4}-(?:[A-Z]+-\d+|\d+(?:\.\d+)*-\d{2})"
# Both also take what looks like an id and is none, so that it is found wanting instead of overlooked.
IN_BRACKETS = re.compile(r"//[^\n]*?\[(\d{4}-[^\]\s]+(?: \d{4}-[^\]\s]+)*)\]")
COVERS = re.compile(r"#[ \t]*covers((?:[ \t]+\d{4}-\S+)+)[ \t]*$", re.M)
GTEST = re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+)\s*,\s*(\w+)", re.M)

CPP = {".cc", ".hh"}
SCRIPTS = {".script", ".py", ".sh", ""}
MANDATORY = ("must", "must not")
RECOMMENDED = ("should", "should not")
LEVELS = (*MANDATORY, *RECOMMENDED, "may", "rule")
ROLES = ("both", "client", "server", "sender", "receiver")
FIELDS = {"id", "section", "level", "role", "text", "deviation", "not_applicable"}


@dataclasses.dataclass
class Requirement:
    id: str
    section: str
    level: str
    text: str
    role: str = "both"
    deviation: str = ""
    not_applicable: str = ""
    code: set = dataclasses.field(default_factory=set)  # paths
    tests: set = dataclasses.field(default_factory=set)  # (path, name)

    @property
    def excused(self):
        return bool(self.deviation or self.not_applicable)

    @property
    def mandatory(self):
        return self.level in MANDATORY


@dataclasses.dataclass
class Document:
    rfc: int
    title: str
    sections: dict  # number → title, in their order
    requirements: list


def read_document(text, name):
    """A document from its TOML; raises ValueError with the name of what is wrong in it."""
    data = tomllib.loads(text)
    sections = {s["number"]: s["title"] for s in data.get("section", [])}
    requirements = []
    for fields in data["requirement"]:
        here = f"{name}: {fields.get('id', 'a requirement without id')}"
        if unknown := set(fields) - FIELDS:
            raise ValueError(f"{here}: no such field: {', '.join(sorted(unknown))}")
        if not re.fullmatch(IDENTIFIER, fields["id"]) or not fields["id"].startswith(f"{data['rfc']}-"):
            raise ValueError(f"{here}: not an id of this document")
        if fields["level"] not in LEVELS:
            raise ValueError(f"{here}: level {fields['level']!r} is none of {', '.join(LEVELS)}")
        if fields.get("role", "both") not in ROLES:
            raise ValueError(f"{here}: role {fields['role']!r} is none of {', '.join(ROLES)}")
        if fields["section"] not in sections:
            raise ValueError(f"{here}: no section {fields['section']}")
        requirements.append(Requirement(**fields))
    twice = [i for i, n in collections.Counter(r.id for r in requirements).items() if n > 1]
    if twice:
        raise ValueError(f"{name}: twice: {', '.join(twice)}")
    return Document(data["rfc"], data["title"], sections, requirements)


def read_documents(root):
    return [read_document(p.read_text(), p.name) for p in sorted((root / "docs/rfc").glob("rfc*.toml"))]


def is_test(path):
    """Whether a file of the tree, as a relative path, holds tests: then what it cites is tested there."""
    return path.parts[0] == "tests" or path.stem.endswith("_test")


def test_name(path, text, at):
    """The test that a citation at this place in a file belongs to: the one it stands in, or directly above."""
    if path.suffix not in CPP:
        return path.stem
    line_end = text.find("\n", at)
    below = re.sub(r"^\s*(//[^\n]*\n\s*)*", "", text[line_end + 1 :]) if line_end >= 0 else ""
    if (match := GTEST.match(below)) is None:
        before = list(GTEST.finditer(text, 0, at))
        match = before[-1] if before else None
    return f"{match.group(1)}.{match.group(2)}" if match else path.stem


def citations(path, text):
    """(id, name of the test or '', line) for each citation in a file."""
    for match in (IN_BRACKETS if path.suffix in CPP else COVERS).finditer(text):
        name = test_name(path, text, match.start()) if is_test(path) else ""
        for identifier in match.group(1).split():
            yield identifier, name, text.count("\n", 0, match.start()) + 1


def cited_files(root):
    """Every file that may cite, as paths relative to the root; tests/support is neither code nor test."""
    for folder in ("src", "apps", "tests"):
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root)
            skipped = relative.parts[:2] == ("tests", "support") or {"corpus", "__pycache__"} & set(relative.parts)
            if path.suffix in CPP | SCRIPTS and not skipped and path.is_file():
                yield relative


def gather(root, documents):
    """Fills in where each requirement is cited; (path, line, what) for what is wrong with citations."""
    known = {r.id: r for d in documents for r in d.requirements}
    wrong = []
    for path in cited_files(root):
        for identifier, name, line in citations(path, (root / path).read_text(errors="replace")):
            requirement = known.get(identifier)
            if requirement is None:
                wrong.append((path, line, f"{identifier}: no such requirement"))
            elif requirement.not_applicable:
                wrong.append((path, line, f"{identifier}: is said to be not applicable"))
            elif is_test(path):
                requirement.tests.add((path, name))
            else:
                requirement.code.add(path)
    return wrong


def gaps(documents):
    """(requirement, what it lacks) for each MUST and MUST NOT that is not excused."""
    for document in documents:
        for r in document.requirements:
            if r.mandatory and not r.excused:
                lacks = [what for what, there in (("a test", r.tests), ("code", r.code)) if not there]
                if lacks:
                    yield r, " and ".join(lacks)


# -------------------------------------------------------------------------------------------------------------- the page
def cell(text):
    return text.replace("|", "\\|").replace("\n", " ").strip()


def with_decisions(text, decisions):
    """Makes each `decision 0007` a link to its page."""
    pages = {d.name[:4]: d.name for d in decisions}

    def link(match):
        known = pages.get(match.group(1))
        return f"[{match.group()}](../decisions/{known})" if known else match.group()

    return re.sub(r"[Dd]ecision (\d{4})", link, text)


def code_links(requirement):
    return ", ".join(f"[{p.relative_to('src') if p.parts[0] == 'src' else p}](../../{p})" for p in sorted(requirement.code))


def test_links(requirement):
    def shown(path, name):
        return path.relative_to("tests/scripts").with_suffix("") if path.suffix == ".script" else name

    return ", ".join(f"[{shown(p, n)}](../../{p})" for p, n in sorted(requirement.tests))


def row(r, decisions=()):
    said = cell(r.text)
    if r.deviation:
        said += f" **Deviation:** {with_decisions(cell(r.deviation), decisions)}"
    if r.not_applicable:
        said += f" **Not applicable:** {with_decisions(cell(r.not_applicable), decisions)}"
    level = f"{r.level}, {r.role}" if r.role != "both" else r.level
    return f"| {r.id} | {said} | {level} | {code_links(r)} | {test_links(r)} |"


def counts(documents):
    yield "| RFC | level | requirements | coded | tested | deviations | not applicable |"
    yield "|---|---|---|---|---|---|---|"
    for document in documents:
        for shown, levels in (
            ("must, must not", MANDATORY),
            ("should, should not", RECOMMENDED),
            ("may", ("may",)),
            ("rule", ("rule",)),
        ):
            of = [r for r in document.requirements if r.level in levels]
            if of:
                numbers = (
                    len(of),
                    sum(bool(r.code) for r in of),
                    sum(bool(r.tests) for r in of),
                    sum(bool(r.deviation) for r in of),
                    sum(bool(r.not_applicable) for r in of),
                )
                yield f"| {document.rfc} | {shown} | " + " | ".join(map(str, numbers)) + " |"


def page(documents, root=None):
    """The text of coverage.md."""
    decisions = sorted((root / "docs/decisions").glob("[0-9]*.md")) if root else []
    lines = ["# Coverage of the RFCs", ""]
    lines += ["Written by `./dev docs` from the requirements and the citations; [README](README.md) says how. Do not edit.", ""]
    lines += list(counts(documents))
    lines += ["", "## Gaps", ""]
    lacking = [f"- {r.id} lacks {what}: {cell(r.text)}" for r, what in gaps(documents)]
    lines += lacking or ["None: each MUST and MUST NOT has code and a test, or says below why not."]
    for document in documents:
        lines += ["", f"## RFC {document.rfc}: {document.title}"]
        for number, title in document.sections.items():
            lines += ["", f"### {document.rfc} §{number} {title}", ""]
            lines += ["| id | requirement | level | code | tests |", "|---|---|---|---|---|"]
            lines += [row(r, decisions) for r in document.requirements if r.section == number]
    return "\n".join(lines) + "\n"


def check(root, documents, wrong):
    """Every complaint, as text."""
    complaints = [f"{path}:{line}: {what}" for path, line, what in wrong]
    complaints += [f"{r.id}: no test: {r.text}" for r, what in gaps(documents) if "test" in what]
    on_file = root / "docs/rfc/coverage.md"
    if not on_file.is_file() or on_file.read_text() != page(documents, root):
        complaints.append("docs/rfc/coverage.md is stale: `./dev docs` writes it anew")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    documents = read_documents(root)
    wrong = gather(root, documents)
    if arguments.check:
        complaints = check(root, documents, wrong)
    else:
        (root / "docs/rfc/coverage.md").write_text(page(documents, root))
        complaints = [f"{path}:{line}: {what}" for path, line, what in wrong]
    for complaint in complaints:
        print(complaint)
    lacking = list(gaps(documents))
    print(f"rfc_coverage: {sum(len(d.requirements) for d in documents)} requirements, {len(lacking)} gaps in the MUSTs")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
