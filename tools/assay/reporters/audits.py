"""Audited tasks as text, JSON or CSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from json import dumps

import click

from assay.audit import Audited
from assay.diagnostics import Severity
from assay.reporters.text import line

COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def text(audited: Sequence[Audited], notes: Sequence[str], *, replayed: bool) -> str:
    """A line for each task with its findings below, then the numbers; styled, for `click.echo` to strip."""
    lines: list[str] = []
    for item in audited:
        detail = f": static {item.static}, behavioural {item.behavioural or 'not assessed'}" if replayed else ""
        lines.append(f"{_styled(item.overall)} {_inert(item.task)}{detail}")
        lines += [_inert(line(found)) for found in item.findings]
    return "\n".join([*lines, "", *_kinds(audited), *notes, _total(audited)])


def _inert(text: str) -> str:
    """Text of a stranger's task without what a terminal would obey."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _styled(verdict: str) -> str:
    return click.style(verdict, fg=COLOURS[verdict], bold=True)


def _kinds(audited: Sequence[Audited]) -> Iterator[str]:
    kinds = Counter((finding.severity, finding.rule) for item in audited for finding in item.findings)
    order = list(Severity)
    for (severity, rule), count in sorted(kinds.items(), key=lambda kind: (order.index(kind[0][0]), -kind[1], kind[0])):
        yield f"{count:>6}  {severity:<7}  {rule}"


def _total(audited: Sequence[Audited]) -> str:
    verdicts = Counter(item.overall for item in audited)
    counted = ", ".join(f"{verdicts[name]} {name}" for name in ("FAIL", "WARN", "PASS"))
    more = ". `assay explain RULE` says more about a rule." if any(item.findings for item in audited) else ""
    return f"{len(audited)} task{'s' if len(audited) != 1 else ''}: {counted}{more}"


def json(audited: Sequence[Audited]) -> str:
    """A list of `{task, overall, findings: [{rule, severity, path, line, message}]}`, and the two verdicts apart."""
    return dumps([_row(item) for item in audited], indent=2, ensure_ascii=False)


def _row(item: Audited) -> dict[str, object]:
    findings = [
        {key: getattr(found, key) for key in ("rule", "severity", "path", "line", "column", "message", "hint")}
        for found in item.findings
    ]
    verdicts = {"overall": item.overall, "static": item.static, "behavioural": item.behavioural}
    return {"task": item.task, **verdicts, "findings": findings}


def table(audited: Sequence[Audited]) -> str:
    """CSV with the columns `task,overall,findings`: rule ids with their counts, separated by `;`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("task", "overall", "findings"))
    for item in audited:
        kinds = Counter(found.rule for found in item.findings)
        findings = ";".join(f"{rule}={count}" for rule, count in sorted(kinds.items()))
        writer.writerow((item.task, item.overall, findings))
    return out.getvalue().removesuffix("\n")
