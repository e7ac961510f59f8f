"""The example workspace with an attack in every text that a file may carry."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pages.example import (
    ANNOTATION,
    PATCH,
    RUBRIC,
    TASK,
    TASK_TOML,
    USER,
    make_workspace,
    step,
    write_attempt,
    write_json,
    write_text,
)

ATTACK = (
    "</script></style></textarea></title></pre></code></summary></details></div><script>window.pwned=1</script>"
    "<img src=x onerror='window.pwned=1'><svg onload=window.pwned=1> [x](javascript:window.pwned=1) "
    "![y](https://example.org/y.png) <https://example.org> {{7*7}} {% raw %} {: onclick=window.pwned=1 } "
    '--8<-- "assay.toml" <!-- " onmouseover="window.pwned=1 \x1b]8;;javascript:window.pwned=1\x07link\x1b]8;;\x07 '
    "\x1b[31mred\x1b[0m \x00 \u202eabc\u202c z\u200bw &lt;b&gt; | pipe \\ *s* _e_ `c` "
)
BLOCK = "\n".join(
    (
        f"# {ATTACK}",
        "```",
        ATTACK,
        "~~~",
        "",
        f"    {ATTACK}",
        "",
        "<script>window.pwned=1</script>",
        "",
        "[r]: javascript:window.pwned=1",
        "",
    )
)


def make_hostile(root: Path) -> Path:
    """Write the workspace; paths and ids stay what the formats allow, but for two folders that are no ids."""
    make_workspace(root)
    write_text(root / "assay.toml", f"format = 1\ntitle = {json.dumps(ATTACK)}\n")
    _attack_task(root / "tasks" / TASK)
    _attack_annotation(root / f"annotations/{TASK}/rater-1.yaml")
    _attack_judgements(root / "annotations")
    _attack_attempt(root)
    (root / "trajectories" / TASK / '"><script>window.pwned=1').mkdir()
    (root / "tasks" / "<b>").mkdir()
    return root


def _attack_task(task: Path) -> None:
    quoted = json.dumps(ATTACK)
    toml = _attacked(TASK_TOML, " = ", "crux", "origin", "category", "description")
    write_text(task / "task.toml", toml.replace('"bash", "text"', quoted))
    for name in ("README.md", "instruction.md", "environment/Dockerfile", "steps/skip-words/instruction.md"):
        write_text(task / name, BLOCK)
    write_text(task / "rubric.yaml", _attacked(RUBRIC, ": ", "statement", "why"))
    user = _attacked(USER, ": ", "opening")
    write_text(task / "user.yaml", user.replace('"Now skip the words in skip.txt."', quoted))


def _attack_annotation(file: Path) -> None:
    quote = f'[step:4 "{ATTACK[:60]}"]'
    rationale = f"      {_printable(BLOCK, 6)} {quote} [step:99] [diff:nothing] Counts words,"
    comparison = f"  {_printable(BLOCK, 2)} [calm-heron step:77] The first tier"
    sheet = ANNOTATION.replace("RUBRIC", "0a" * 20).replace('"adds a file"', json.dumps(ATTACK))
    sheet = sheet.replace("      Counts words,", rationale).replace("  The first tier", comparison)
    write_text(file, sheet)


def _attack_judgements(folder: Path) -> None:
    """Guidelines, a review and a decision; YAML is read from JSON too."""
    write_text(folder / "guidelines.md", f"---\nversion: 1\n---\n{BLOCK}")
    marks = dict.fromkeys(("quality", "completeness", "consistency", "schema_compliance"), 1)
    item = {"annotator": "rater-1", "annotation": "0" * 40, "verdict": "accept", "scores": marks}
    said = [{**item, "comments": [{"at": ATTACK, "says": ATTACK}]}]
    head = {"format": 1, "task": TASK}
    write_json(folder / TASK / "reviews/judge.yaml", {**head, "reviewer": "judge", "annotations": said})
    decided = [{"alias": "calm-heron", "criterion": "small-diff", "holds": True, "fault": "other", "reason": ATTACK}]
    write_json(folder / TASK / "adjudication.yaml", {**head, "adjudicator": "judge", "decisions": decided})


def _attack_attempt(root: Path) -> None:
    steps = [
        step(1, "user", BLOCK),
        step(2, "agent", ATTACK, BLOCK, BLOCK),
        step(3, "agent", "", ATTACK, "x" * 1_000_000),
        step(4, "agent", BLOCK),
    ]
    steps[0]["extra"]["assay"]["milestone"] = ATTACK
    steps[1]["reasoning_content"] = BLOCK
    steps[1]["tool_calls"][0]["function_name"] = ATTACK
    patch = PATCH.replace("# words, not bytes", ATTACK).replace("skip.txt", 'x"><script>window.pwned=1<')
    patch = patch.replace("@@ -1,4 +1,5 @@", f"@@ -1,4 +1,5 @@ {ATTACK}")
    folder = write_attempt(root, "dry-finch", passed=(False, True), steps=steps, patch=patch)
    report = json.loads((folder / "tests/count-words.json").read_text(encoding="utf-8"))
    report["tests"] = [{"name": ATTACK, "status": "failed", "seconds": 0.1, "message": BLOCK}]
    report["rejected"] = [ATTACK]
    write_json(folder / "tests/count-words.json", report)
    write_text(folder / "tests/count-words.log", BLOCK)


def _attacked(text: str, sign: str, *keys: str) -> str:
    """TOML or YAML `text` with the attack as the value of `keys`; `sign` stands between key and value."""
    lines = text.split("\n")
    return "\n".join(
        f"{line.split(sign)[0]}{sign}{json.dumps(ATTACK)}" if line.strip().startswith(keys) else line for line in lines
    )


def _printable(text: str, indent: int) -> str:
    """For a YAML block scalar: without the characters that YAML forbids, lines indented."""
    kept = "".join(char for char in text if char == "\n" or char.isprintable())
    return kept.replace("\n", "\n" + " " * indent)
