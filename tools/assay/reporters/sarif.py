"""SARIF 2.1.0 (OASIS Standard, 27 March 2020), which code hosts show beside the lines it names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from assay import __version__
from assay.diagnostics import Diagnostic, fingerprints
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
        "results": [
            _result(item, named.index(item.rule), fingerprint)
            for item, fingerprint in zip(diagnostics, fingerprints(diagnostics), strict=True)
        ],
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


def _result(item: Diagnostic, index: int, fingerprint: str) -> dict[str, Any]:
    file = {"uri": quote(item.path), "uriBaseId": "WORKSPACE"}
    place = {"artifactLocation": file, "region": {"startLine": item.line, "startColumn": item.column}}
    result: dict[str, Any] = {
        "ruleId": item.rule,
        "ruleIndex": index,
        "level": str(item.severity),
        "message": {"text": f"{item.message}\n{item.hint}" if item.hint else item.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"assay/v1": fingerprint},
    }
    if item.fix:
        (line, column), (last, end), text = item.fix
        region = {"startLine": line, "startColumn": column, "endLine": last, "endColumn": end}
        replacement = {"deletedRegion": region, "insertedContent": {"text": text}}
        result["fixes"] = [{"artifactChanges": [{"artifactLocation": file, "replacements": [replacement]}]}]
    return result
