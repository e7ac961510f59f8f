"""What a replay could not decide or has refuted, as escalations that are ready to be read, judged and opened."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.documents import to_yaml
from assay.model.escalation import MACHINE, Affected, Change, Escalation, EscalationEvidence, EscalationKind
from assay.model.outcome import ImageScan, Proof, Stage, TestReport, is_valid
from assay.pages.inert import first_line, visible
from assay.replay.journal import place
from assay.storage import write_whole

FOLDER = "escalations"
LINES, BYTES = 40, 4096
"""How much of the end of a log a draft quotes."""
DRAFTED = Change(status="draft", by=MACHINE)
NAMED = 20
"""Tests that are named one by one."""

_EXPECTED = {
    "no-op": "The tests of every milestone fail on the untouched image.",
    "ladder": "After a reference solution its own tests and all earlier ones pass, and the next ones fail.",
    "oracle": "All tests pass after all reference solutions.",
    "hijack": "No test passes because of what was planted instead of solving the task.",
    "trajectory": "The patch of a recorded attempt gets the results again that were recorded for it.",
}
_DECIDED = "The environment starts, the solution runs, and the verifier gives a reward."


def drafts(root: Path, proof: Proof, folder: Path) -> list[Path]:
    """Write a draft for each reason why `proof` does not hold into `folder`, its evidence; returns the files.

    Stages that failed for the same reason share one. Of mutants there is none: they measure the tests.
    """
    written: list[Path] = []
    for stages in _same_reason(proof):
        file = folder / FOLDER / f"{_slug(stages, [path.stem for path in written])}.yaml"
        write_whole(file, as_yaml(_draft(root, proof, folder, stages)).encode())
        written.append(file)
    if proof.scan and proof.scan.findings:
        file = folder / FOLDER / "image.yaml"
        write_whole(file, as_yaml(_of_image(root, proof, proof.scan, folder)).encode())
        written.append(file)
    return written


def as_yaml(escalation: Escalation) -> str:
    """The file, without what says nothing."""
    return to_yaml(escalation.model_dump(mode="json", exclude_defaults=True))


def _same_reason(proof: Proof) -> list[list[Stage]]:
    failed = [stage for stage in proof.stages if stage.holds is not True]
    names = {stage.name: stage for stage in failed}
    groups: dict[object, list[Stage]] = {}
    for stage in failed:
        # what received the same bytes as a stage that failed already is not a finding of its own
        groups.setdefault(_reason(names.get(stage.same_as, stage)), []).append(stage)
    return list(groups.values())


def _reason(stage: Stage) -> object:
    if stage.holds is None:
        return stage.outcome, stage.reason
    return stage.kind, stage.title, tuple(_wrong(stage)), tuple(stage.differences)


def _wrong(stage: Stage) -> Iterator[str]:
    """One line for every milestone that came out otherwise than it must."""
    for report in _wrong_reports(stage):
        wanted, found = ("pass", "failed") if stage.expected.get(report.milestone) else ("fail", "passed")
        failing = [test.name for test in report.tests if test.status in ("failed", "error")] if wanted == "pass" else []
        listed = f": {', '.join(failing[:NAMED])}" if failing else ""
        yield f"tests of `{report.milestone}` must {wanted}; they {found}{listed}"


def _wrong_reports(stage: Stage) -> list[TestReport]:
    return [report for report in stage.reports if report.passed is not stage.expected.get(report.milestone)]


def _draft(root: Path, proof: Proof, folder: Path, stages: Sequence[Stage]) -> Escalation:
    first = stages[0]
    undecided = first.holds is None
    # an engine's reason goes on with the end of its log, which is quoted as evidence
    lines = first.reason.splitlines()[:1] if undecided else [first.title, *_wrong(first), *first.differences[:NAMED]]
    told = [visible(line).rstrip(":") for line in lines if line.strip()] or [first.outcome]
    ran = sum(stage.kind != "mutant" for stage in proof.stages)
    where = f"In {len(stages)} of {ran} stages: {', '.join(map(_place, stages))}."
    who = _place(first) if len(stages) == 1 else f"{_place(first)} and {len(stages) - 1} more"
    return Escalation(
        format=1,
        task=proof.task,
        title="".join(char if char.isprintable() else "?" for char in first_line(f"{who}: {told[0]}")),
        raised_by=MACHINE,
        kind=_kind(first),
        blocking=True,
        status="draft",
        affects=Affected(trajectories=_own([stage.name for stage in stages if stage.kind == "trajectory"], stages)),
        outcome=first.outcome,
        expected=f"{_DECIDED if undecided else _EXPECTED[first.kind]}\n",
        found="\n".join([*told, where, ""]),
        reproduction=_reproduction(root, proof, stages),
        evidence=_evidence(root, proof, folder, first),
        history=[DRAFTED],
    )


def _kind(stage: Stage) -> EscalationKind:
    if stage.outcome == "invalid-environment":
        return "environment-broken"
    return "verifier-forgeable" if stage.forged else "tests-contradict-task"


def _own(aliases: list[str], stages: Sequence[Stage]) -> list[str]:
    """The trajectories that failed, where nothing of the task itself did; else none is named, which means all."""
    return aliases if len(aliases) == len(stages) else []


def _of_image(root: Path, proof: Proof, scan: ImageScan, folder: Path) -> Escalation:
    found = [visible(f"{item.path}: {item.message}") for item in scan.findings]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Escalation(
        format=1,
        task=proof.task,
        title=first_line(f"image: {found[0]}{more}"),
        raised_by=MACHINE,
        kind="leak",
        blocking=True,
        status="draft",
        expected="The image holds no tests, no solution and no history that the agent could learn them from.\n",
        found="\n".join([*found[:NAMED], ""]),
        reproduction=_reproduction(root, proof, ()),
        evidence=EscalationEvidence(
            command=command_of(proof, ()),
            engine=proof.engine,
            image=scan.image,
            content_sha256=proof.content_sha256,
            path=shown(root, folder),
        ),
        history=[DRAFTED],
    )


def _evidence(root: Path, proof: Proof, folder: Path, stage: Stage) -> EscalationEvidence:
    report = next((report for report in stage.reports if not is_valid(report.outcome)), None)
    report = report or next(iter(_wrong_reports(stage)), None) or next(iter(stage.reports), None)
    log = _log(folder, stage, report)
    content = log.read_bytes() if log else stage.reason.encode()
    return EscalationEvidence(
        command=command_of(proof, proof.stages),
        exit_code=report.exit_code if report else exit_code(stage.reason),
        engine=proof.engine,
        image=proof.image.id if proof.image else None,
        stage=_place(stage),
        content_sha256=proof.content_sha256,
        path=shown(root, log or folder),
        log_sha256=hashlib.sha256(content).hexdigest() if log else None,
        log_excerpt=end_of(content),
    )


def _log(folder: Path, stage: Stage, report: TestReport | None) -> Path | None:
    """The log that counts: of the tests that decided, or of the solution when no test ran."""
    name = f"{report.milestone if report else 'solution'}.log"
    files = (folder / where / name for where in (_place(stage), stage.same_as) if where)
    return next((file for file in files if file.is_file()), None)


def exit_code(reason: str) -> int | None:
    """Of a reference solution or an image's build, whose last line ends the reason."""
    found = re.search(r"(?:exited with|non-zero code:) (\d+)$", reason)
    return int(found[1]) if found else None


def end_of(content: bytes) -> str:
    """The last lines of a log, with nothing in them that moves a cursor or hides."""
    text = visible(content[-4 * BYTES :].decode(errors="replace")).expandtabs(4)
    lines = [line.rstrip() for line in text.strip("\n").splitlines()[-LINES:]]
    while len(lines) > 1 and len("\n".join(lines).encode()) > BYTES - 1:
        del lines[0]
    kept = "\n".join(lines).encode()[1 - BYTES :].decode(errors="ignore").strip("\n")
    return f"{kept}\n" if kept.strip() else ""


def command_of(proof: Proof, stages: Sequence[Stage]) -> str:
    """The replay that has these stages and no more than it must."""
    kinds = {stage.kind for stage in stages}
    repeat = max((stage.attempt for stage in stages if stage.kind == "oracle"), default=1)
    words = ["assay replay", proof.task, f"--repeat {repeat}"]
    words += [] if "hijack" in kinds else ["--no-hijack"]
    words += [] if "mutant" in kinds else ["--mutants 0"]
    return " ".join(words if "trajectory" in kinds else [*words, "--no-trajectories"])


def _reproduction(root: Path, proof: Proof, stages: Sequence[Stage]) -> list[str]:
    context = f"tasks/{proof.task}/environment"
    image = [f"docker run --rm -it --network none {proof.image.id} bash"] if proof.image else []
    build = [f"docker build {context}"] if not image and (root / context / "Dockerfile").is_file() else []
    # one stage of a group is enough to see it, and one that is the task's own needs no trajectory
    smallest = [*(stage for stage in stages if stage.kind != "trajectory"), *stages][:1]
    return [*build, command_of(proof, smallest), *image]


def _place(stage: Stage) -> str:
    """The stage's folder in the evidence."""
    return place(stage.name, stage.attempt)


def shown(root: Path, path: Path) -> str:
    """Relative to the workspace: a path of this machine says nothing to others."""
    whole = path.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path.name


def _slug(stages: Sequence[Stage], taken: Sequence[str]) -> str:
    """After the first stage, or after the outcome when that is what stages of several kinds share."""
    shared = stages[0].holds is None and len({stage.kind for stage in stages}) > 1
    name = stages[0].outcome if shared else _place(stages[0])
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:56].strip("-") or "stage"
    numbered = (f"{slug}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (slug, *numbered) if name not in taken)
