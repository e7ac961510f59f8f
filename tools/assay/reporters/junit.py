"""JUnit's XML: each rule is a test case, which fails when an error was found and else passes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from xml.etree import ElementTree

from assay.diagnostics import Diagnostic, Severity
from assay.reporters import text
from assay.rules import all_rules

_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""Characters that XML 1.0 cannot hold (section 2.2)."""


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """One suite; warnings and notes stand in the output of their rule."""
    found: dict[str, list[Diagnostic]] = defaultdict(list)
    for item in diagnostics:
        found[item.rule].append(item)
    names = sorted({*all_rules(), *found})
    failed = [name for name in names if any(item.severity is Severity.ERROR for item in found[name])]
    suite = ElementTree.Element("testsuite", name=f"assay check: {_clean(checked)}", tests=str(len(names)))
    suite.set("failures", str(len(failed)))
    suite.set("errors", "0")
    for name in names:
        case = ElementTree.SubElement(suite, "testcase", classname="assay", name=name)
        if lines := _clean("\n".join(map(text.line, found[name]))):
            if name in failed:
                ElementTree.SubElement(case, "failure", message=f"{len(found[name])} found").text = lines
            else:
                ElementTree.SubElement(case, "system-out").text = lines
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


def _clean(value: str) -> str:
    return _FORBIDDEN.sub("\ufffd", value)
