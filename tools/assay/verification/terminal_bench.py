"""The verdict of a Terminal-Bench task: what pytest printed, as the reward files that Harbor's verifiers write.

Terminal-Bench counts skipped and expectedly failing tests as passed, and an empty result as resolved. Not here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

OUTPUT = "pytest-output.txt"
"""The file of /logs/verifier that holds what run-tests.sh printed."""

_HEADER = re.compile(r"=+ short test summary info =+\s*$", re.MULTILINE)
_LINE = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\s+(.*?)\s*$", re.MULTILINE)
_STATUS = {"PASSED": "passed", "FAILED": "failed"}


def rewarded(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """`files` of /logs/verifier; where there is pytest's output, the verdict is what it says."""
    if OUTPUT not in files:
        return files
    text = files[OUTPUT].decode(errors="replace")
    parts = _HEADER.split(text)
    # Names end where messages start; parameters may hold the separator too, and are cut there, as everywhere.
    found = [(word, rest.split(" - ")[0]) for word, rest in _LINE.findall(parts[-1] if len(parts) > 1 else "")]
    tests = [
        {
            "name": name,
            "status": _STATUS.get(word, "other"),
            "message": "" if word in _STATUS else f"{word} is not a pass",
        }
        for word, name in found
    ]
    reward = int(bool(tests) and all(test["status"] == "passed" for test in tests))
    return {"reward.txt": str(reward).encode(), "ctrf.json": json.dumps({"results": {"tests": tests}}).encode()}
