"""The page of one task: what is asked, how it is tested and graded, the proof, and how the attempts came out."""

from __future__ import annotations

from collections.abc import Iterator

from assay.contents import content_hash
from assay.model.outcome import Stage
from assay.model.rubric import AXES, Criterion, Rubric
from assay.model.user import SimulatedUser, Trigger
from assay.pages import calibration_section, escalations, grade_data, grades, links, markup, prose
from assay.pages.inert import first_line, inline, raw, worded
from assay.pages.trajectory_page import length, outcome
from assay.workspace import Attempt, Task, Workspace


def page(workspace: Workspace, task: Task, *, annotated: bool) -> str:
    """Markdown of the page; `annotated` says whether people's grades may be shown."""
    here = links.task_page(task.id)
    sections = (
        ("Background", "background", prose.render(prose.without_title(task.text("README.md")))),
        ("Instruction", "instruction", prose.render(task.text("instruction.md"))),
        ("Milestones", "milestones", "".join(_milestones(task))),
        ("Attempts", "attempts", _attempts(workspace, task) + ("" if annotated else _grade(workspace, task))),
        ("Annotations", "annotations", grades.section(workspace, task) if annotated else ""),
        ("Rubric", "rubric", _rubric(task.rubric.record) if task.rubric else ""),
        ("Environment", "environment", _environment(task)),
        ("Proof by replay", "proof", _proof(task)),
        ("Calibration", calibration_section.ANCHOR, calibration_section.section(task)),
        ("Escalations", links.ESCALATIONS, "".join(escalations.sections(workspace, task, annotated=annotated))),
        ("Simulated user", "user", _user(task.user.record) if task.user else ""),
    )
    body = "".join(f"\n## {name} {{#{anchor}}}\n\n{text}\n" for name, anchor, text in sections if text.strip())
    crumbs = markup.crumbs(links.link("Tasks", here, links.TASKS), "task")
    held = quarantine(workspace, task, here)
    return f"{markup.front_matter(task.id)}{crumbs}\n# {inline(task.id)}\n\n{held}{_lead(task)}{body}"


def quarantine(workspace: Workspace, task: Task, here: str) -> str:
    """Why the task is in no ranking, with the file that says so; empty when nothing holds it back."""
    reasons = [
        f"{worded(entry.record.title)} (<code>{inline(entry.path)}</code>)" for entry in workspace.quarantined(task.id)
    ]
    if not reasons:
        return ""
    more = links.link("what was seen", here, links.task_page(task.id), links.ESCALATIONS)
    words = f"Left out of rankings and calibration while this is open: {'; '.join(reasons)}. {more}"
    return f"{markup.note(words, 'warning', 'Quarantined')}\n"


def proof_verdict(task: Task) -> str:
    """The verdict with a glyph, Markdown and raw HTML alike; one of files that have changed since proves nothing."""
    proof = task.proof
    if proof is None:
        return markup.verdict(None, "not replayed here")
    if proof.content_sha256 != content_hash(task.folder):
        return markup.verdict(None, f"{proof.verdict}, then changed")
    return markup.verdict({"proven": True, "refuted": False}.get(proof.verdict), proof.verdict)


def is_proven(task: Task) -> bool:
    """Whether the task as it stands has been proven."""
    proof = task.proof
    return proof is not None and proof.verdict == "proven" and proof.content_sha256 == content_hash(task.folder)


def _lead(task: Task) -> str:
    if task.file is None:
        return markup.note("The task file has errors; `assay check` names them.", "warning", "task.toml")
    file = task.file.record
    metadata = file.metadata
    pairs = [
        ("difficulty", raw(metadata.difficulty)),
        ("category", raw(metadata.category)),
        ("expert time", markup.minutes(metadata.expert_time_estimate_min)),
        ("milestones", f"{len(file.milestones)}"),
        ("proof", proof_verdict(task)),
        ("calibration", calibration_section.brief(task)),
        ("origin", raw(metadata.origin)),
        ("tags", " ".join(markup.tag(raw(name)) for name in metadata.tags)),
    ]
    description = worded(file.task.description)
    lead = f"{description}\n{{: .as-lead }}\n\n" if description else ""
    crux = f'<div class="as-crux" markdown="1">\n\n**Crux**\n{worded(metadata.crux)}\n\n</div>\n'
    return f"{lead}{crux}\n{markup.facts(pairs)}"


def _milestones(task: Task) -> Iterator[str]:
    for number, name in enumerate(task.milestones, 1):
        text = task.text(f"steps/{name}/instruction.md")
        body = prose.render(text) if text.strip() else '<p class="as-quiet">no instruction</p>'
        yield markup.disclosure(f'<span class="as-n">{number}</span> {raw(name)}', body)


def _attempts(workspace: Workspace, task: Task) -> str:
    """Milestones against attempts: who got how far, in the final state."""
    attempts = workspace.attempts.get(task.id, {})
    if not attempts:
        return "There is no trajectory yet.\n"
    here = links.task_page(task.id)
    head = ("attempt", *(inline(name) for name in task.milestones), "outcome", "length", "")
    rows = [
        (
            links.link(inline(alias), here, links.trajectory_page(task.id, alias)),
            *(_milestone(attempt, name, here) for name in task.milestones),
            inline(attempt.outcome or outcome(attempt)),
            length(attempt),
            _opened(task, attempt),
        )
        for alias, attempt in attempts.items()
    ]
    side = ""
    if len(attempts) > 1:
        side = f"\n{links.link('Side by side', here, links.compare_page(task.id))}: steps, tests and what was said.\n"
    return markup.table(head, rows, kind="matrix") + side


def _grade(workspace: Workspace, task: Task) -> str:
    if not grade_data.is_ready(workspace, task):
        return ""
    link = links.link("Grade them here", links.task_page(task.id), links.grade_page(task.id))
    return f"\n{link}: verdicts, citations and tiers beside the logs, saved as the file that `assay check` reads.\n"


def _milestone(attempt: Attempt, name: str, here: str) -> str:
    entry = attempt.reports.get(name)
    if entry is None or attempt.is_invalid:
        return markup.verdict(None, "no report" if entry is None else "no grade")
    tests = entry.record.tests
    good = sum(test.status == "passed" for test in tests)
    words = f"{good} of {len(tests)}" if entry.record.passed is not None else inline(entry.record.outcome)
    target = links.trajectory_page(attempt.task, attempt.alias)
    return links.link(markup.verdict(entry.record.passed, words), here, target, links.anchor_of_test(name))


def _opened(task: Task, attempt: Attempt) -> str:
    """Words when a script acted, or when the attempt was made on another state of the task than the last proof."""
    scripted = markup.tag("scripted policy") if attempt.is_dry_run else ""
    if task.proof is None or attempt.session is None:
        return scripted
    same = task.proof.content_sha256 == attempt.session.record.predicate.task_sha256
    return scripted if same else scripted + markup.tag("older task content")


def _rubric(rubric: Rubric) -> str:
    pieces = []
    for axis in AXES:
        chosen = [criterion for criterion in rubric.criteria if criterion.axis == axis]
        if chosen:
            head = (axis, "weight", "decided by", "why")
            pieces.append(markup.table(head, map(_criterion, chosen), kind="rubric"))
    return "".join(pieces)


def _criterion(criterion: Criterion) -> tuple[str, ...]:
    labels = (markup.tag("must pass", "must") if criterion.must_pass else "") + (
        "" if criterion.good else markup.tag("a fault when true")
    )
    requires = f" after {', '.join(map(inline, criterion.requires))}" if criterion.requires else ""
    name = f'<span class="as-name" id="{links.criterion_anchor(criterion.id)}">{inline(criterion.id)}</span> {labels}'
    name += f"<br>{worded(criterion.statement)}"
    decided = markup.breakable(inline(criterion.test)) if criterion.test else criterion.evidence
    return name, str(criterion.weight), f"{decided}{requires}", worded(criterion.why)


def _environment(task: Task) -> str:
    pieces = []
    if task.file:
        settings = task.file.record.environment
        pairs = [
            ("network", raw(settings.network_mode)),
            ("work directory", f"<code>{raw(task.file.record.workdir)}</code>"),
            ("memory", f"{settings.memory_mb:,} MiB" if settings.memory_mb else ""),
            ("cpus", f"{settings.cpus:g}" if settings.cpus else ""),
            ("image", f"<code>{raw(settings.docker_image)}</code>" if settings.docker_image else ""),
            ("built image", f"<code>{task.proof.image.id[7:19]}</code>" if task.proof and task.proof.image else ""),
        ]
        pieces.append(markup.facts(pairs))
    dockerfile = task.text("environment/Dockerfile").rstrip()
    if dockerfile:
        pieces.append(f'<div class="as-out">{markup.code(raw(dockerfile), "Dockerfile")}</div>\n')
    return "\n".join(pieces)


def _proof(task: Task) -> str:
    proof = task.proof
    if proof is None:
        return "Not replayed on the machine that built this site: `assay replay` runs the proof and keeps evidence.\n"
    lead = (
        f"{proof_verdict(task)} with {inline(proof.engine)}, harness {inline(proof.harness)}, "
        f"on content {inline(proof.content_sha256[:12])}.\n\n"
    )
    names = list(dict.fromkeys(name for stage in proof.stages for name in stage.expected))
    head = ("stage", *(inline(name) for name in names), "as expected", "time")
    return lead + markup.table(head, (_stage(stage, names) for stage in proof.stages), kind="matrix")


def _stage(stage: Stage, milestones: list[str]) -> tuple[str, ...]:
    found = {report.milestone: report.passed for report in stage.reports}
    name = inline(stage.name) + (f" &#35;{stage.attempt}" if stage.attempt > 1 else "")
    cells = [_expected(stage.expected.get(milestone), found.get(milestone)) for milestone in milestones]
    reason = "" if not stage.reason else f"<br>{inline(first_line(stage.reason, 200))}"
    words = {True: "yes", False: "no", None: inline(stage.outcome)}[stage.holds]
    holds = markup.verdict(stage.holds, words)
    return name, *cells, holds + reason, markup.seconds(stage.seconds)


def _expected(want: bool | None, found: bool | None) -> str:
    words = {True: "passes", False: "fails"}
    if want is None:
        return ""
    if found is None:
        return '<span class="as-quiet">undecided</span>'
    if want is found:
        return f'<span class="as-quiet">{words[found]}, as expected</span>'
    return f'<strong class="as-fail">{words[found]}, should be: {words[want]}</strong>'


def _user(user: SimulatedUser) -> str:
    limits = markup.count(user.stop.max_turns, "turn")
    opening = f"Opens with: <q>{worded(user.opening)}</q> Stops after {limits}.\n\n"
    rows = [
        (
            f'<span class="as-name">{inline(intent.id)}</span><br>{intent.kind}, {inline(intent.milestone)}',
            "<br>".join(_trigger(trigger) for trigger in intent.reveal),
            "<br>".join(f"<q>{worded(words)}</q>" for words in intent.says),
        )
        for intent in user.intents
    ]
    return opening + markup.table(("intent", "revealed", "says"), rows, kind="stacked")


def _trigger(trigger: Trigger) -> str:
    if trigger.at_start:
        return "at the start"
    if trigger.on_ask:
        return f"when asked about {', '.join(map(inline, trigger.on_ask))}"
    if trigger.on_milestone_pass:
        return f"when {inline(trigger.on_milestone_pass)} passes"
    if trigger.on_test_fail:
        return f"when {inline(trigger.on_test_fail)} fails"
    turns = markup.count(trigger.after_turns or 0, "turn")
    return "when done is claimed" if trigger.on_claim_done else f"after {turns}"
