"""A workspace of many graded trajectories, the same on every machine, each with a transcript of the usual size."""

from __future__ import annotations

import json
from pathlib import Path

STEPS, LINES = 40, 12
RUBRIC = """\
format: 1
criteria:
  - id: keeps-order
    statement: "`merge` keeps the input order of rows with equal keys."
    axis: correctness
    must_pass: true
    weight: 3
    evidence: trajectory
    why: "Reports are diffed."
  - id: hides-failure
    statement: "The last message hides a failure."
    axis: communication
    good: false
    weight: 1
    evidence: message
    why: "Others act on what it says."
"""


def generate(root: Path, tasks: int, attempts: int) -> str:
    """Write a workspace to `root`; the path of one of its annotations, all of which are in order."""
    root.mkdir()
    (root / "assay.toml").write_text("format = 1\n")
    sheet = ""
    for number in range(tasks):
        task = f"task-{number:02}"
        (root / "tasks" / task).mkdir(parents=True)
        (root / "tasks" / task / "rubric.yaml").write_text(RUBRIC)
        (root / "tasks" / task / "task.toml").write_text(TASK.format(task=task))
        names = [f"run-{n:02}" for n in range(attempts)]
        for name in names:
            folder = root / "trajectories" / task / name
            folder.mkdir(parents=True)
            (folder / "trajectory.json").write_text(json.dumps(transcript(task, name), indent=2))
        sheet = f"annotations/{task}/rater-1.yaml"
        (root / sheet).parent.mkdir(parents=True)
        (root / sheet).write_text(annotation(task, names))
    return sheet


TASK = """\
schema_version = "1.4"
[metadata]
difficulty = "easy"
category = "bench"
expert_time_estimate_min = 1
crux = "None."
origin = "Made for this measurement."
[task]
name = "assay/{task}"
"""


def transcript(task: str, name: str) -> dict[str, object]:
    """A trajectory of 40 steps, each with a command and what it printed."""
    steps: list[dict[str, object]] = [{"step_id": 1, "source": "user", "message": f"Keep the order of rows in {task}."}]
    for number in range(2, STEPS + 2):
        printed = "\n".join(f"{task} {name} printed line {line} of step {number} of this run" for line in range(LINES))
        call = {
            "tool_call_id": f"c{number}",
            "function_name": "bash",
            "arguments": {"command": f"sed -n {number}p a.py"},
        }
        result = {"source_call_id": f"c{number}", "content": printed}
        step = {"step_id": number, "source": "agent", "message": f"Now comes part {number}.", "tool_calls": [call]}
        steps.append({**step, "observation": {"results": [result]}})
    agent = {"name": "agent", "version": "1"}
    return {"schema_version": "ATIF-v1.8", "session_id": name, "agent": agent, "steps": steps}


def annotation(task: str, names: list[str]) -> str:
    """Grades of all trajectories, each with quotes from its transcript."""
    grades = "".join(
        f"  {name}:\n    rationale: |\n"
        f'      Keeps the order of rows from the start [step:3.c1 "{task} {name} printed line 4 of step 3"], which\n'
        f'      later commands show once more [step:9 "{task} {name} printed line 7 of step 9"]. It says so at the\n'
        f"      end, too, and leaves nothing out of what it had been asked to do [step:41].\n"
        f"    criteria:\n      keeps-order: {{holds: true, cites: ['step:5 \"printed line 2 of step 5\"']}}\n"
        f"      hides-failure: {{holds: false, cites: ['step:41']}}\n"
        for name in names
    )
    return (
        f"format: 1\ntask: {task}\nannotator: rater-1\nguidelines: 1\nrubric: '{'0' * 40}'\n"
        f"order: [{', '.join(names)}]\ngrades:\n{grades}ranking: [[{', '.join(names)}]]\n"
        f'comparison: |\n  All print the same [{names[0]} step:3 "printed line 4 of step 3"].\nminutes: 55\n'
    )
