"""SARIF 2.1.0 (OASIS Standard, 27 March 2020), which code hosts show beside the lines it names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from assay import __version__
from assay.diagnostics import Diagnostic
from assay.rules import Rule, all_rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def render(diagnostics: Sequence[Diagnostic], checked: str) -> str:
    """One log with one run; the rules that it names come with their documentation."""
    named = sorted({item.rule for item in diagnostics})
    known = all_rules()
    driver = {
        "name": "assay",
        "version": __version__,
        "rules": [_rule(known[name]) if name in known else {"id": name} for name in named],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"WORKSPACE": {"description": {"text": checked}}},
        "results": [_result(item, named.index(item.rule)) for item in diagnostics],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(rule: Rule) -> dict[str, Any]:
    examples = "".join(f"\n\n{title}:\n{text}" for title, text in (("Bad", rule.bad), ("Good", rule.good)) if text)
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why or rule.summary},
        "help": {"text": f"{rule.why or rule.summary}{examples}"},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _result(item: Diagnostic, index: int) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": quote(item.path), "uriBaseId": "WORKSPACE"},
        "region": {"startLine": item.line, "startColumn": item.column},
    }
    return {
        "ruleId": item.rule,
        "ruleIndex": index,
        "level": str(item.severity),
        "message": {"text": f"{item.message}\n{item.hint}" if item.hint else item.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"assay/v1": item.fingerprint},
    }
