"""The site: building a thousand trajectories, building nothing again, and a log of five thousand steps in a browser."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TRAJECTORIES, STEPS = 1000, 5000
TIMES = 3
"""What takes seconds is measured so often, and the least counts: only what else goes on can add to it."""
ASSAY = [sys.executable, "-m", "assay"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"]


def spent(command: list[str], cwd: Path) -> tuple[float, float]:
    """CPU seconds of a command with its children, and bytes of the largest of them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, after.ru_maxrss * 1024


def configured(root: Path) -> None:
    """The configuration and the hand-written page of this repository's site."""
    (root / "site").mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).parents[1] / "mkdocs.yml", root)
    (root / "site/about.md").write_text("# About\n")


def floor(root: Path) -> float:
    """CPU seconds that MkDocs takes for as many pages without anything in them."""
    configured(root)
    text = (root / "mkdocs.yml").read_text().partition("\nnav:")
    rest = text[2].partition("\n# `offline`")
    nav = "nav:\n  - About: about.md\nnot_in_nav: /pages/**"
    (root / "mkdocs.yml").write_text(f"{text[0].replace('strict: true', '')}\n{nav}\n{rest[2]}")
    (root / "site/assets/assay").mkdir(parents=True)
    (root / "site/pages").mkdir()
    for number in range(TRAJECTORIES):
        (root / f"site/pages/p{number}.md").write_text("---\nsearch: {exclude: true}\n---\n# Empty\n")
    return spent([sys.executable, "-m", "mkdocs", "build", "-q"], root)[0]


def thousand(root: Path) -> dict[str, float]:
    """Building everything, nothing, and after one annotation was changed."""
    from bench.graded import generate

    whole, peak = math.inf, 0.0
    for _ in range(TIMES):
        shutil.rmtree(root, ignore_errors=True)
        sheet = root / generate(root, 20, TRAJECTORIES // 20)
        configured(root)
        spent_now, peak = spent([*ASSAY, "site"], root)
        whole = min(whole, spent_now)
    again = min(spent([*ASSAY, "site"], root)[0] for _ in range(TIMES))
    changed = []
    for minutes in range(TIMES):
        sheet.write_text(re.sub(r"minutes: \d+", f"minutes: {minutes + 1}", sheet.read_text()))
        changed.append(spent([*ASSAY, "site"], root)[0])
    return {"whole": whole, "again": again, "changed": min(changed), "bytes": peak}


def browser(root: Path) -> dict[str, float]:
    """Task seconds of Chromium until a long log is ready, its elements, and until a link into it has arrived."""
    from playwright.sync_api import sync_playwright

    page_file = write_log(root, STEPS)
    found: dict[str, float] = {}
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, anchor in TIMES * (("ready", ""), ("link", f"#s{STEPS - 500}.c1.L20-L22")):
            page = started.new_page(viewport={"width": 1280, "height": 900})
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            page.goto(page_file.as_uri() + anchor)
            if anchor:
                page.locator(".as-mark").wait_for()
            metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
            found[name] = min(metrics["TaskDuration"], found.get(name, math.inf))
            found["elements"] = float(page.evaluate("document.querySelectorAll('*').length"))
            page.close()
        started.close()
    return found


def write_log(root: Path, count: int) -> Path:
    """The page of a log of so many steps, in a workspace of its own."""
    output = "".join(f"line {number} of some output with words in it\n" for number in range(25))
    steps: list[dict[str, Any]] = [{"step_id": 1, "source": "user", "message": "Count words."}]
    for number in range(2, count + 1):
        call = {"tool_call_id": "1", "function_name": "shell", "arguments": {"command": f"sed -n 1,{number}p file.py"}}
        results = [{"source_call_id": "1", "content": output, "extra": {"assay": {"exit_code": 0}}}]
        steps.append(
            {
                "step_id": number,
                "source": "agent",
                "message": f"I look at part {number} now.",
                "tool_calls": [call],
                "observation": {"results": results},
            }
        )
    from bench.graded import generate

    generate(root, 1, 1)
    configured(root)
    file = next(root.glob("trajectories/*/*/trajectory.json"))
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "steps": steps}))
    shutil.rmtree(root / "annotations")
    spent([*ASSAY, "site"], root)
    return root / "build/site" / file.parent.relative_to(root).with_suffix(".html")
