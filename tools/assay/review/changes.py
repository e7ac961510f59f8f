"""What differs between two states of a workspace, item by item, as data that any format can show.

Nothing that is not revealed is in it: of a sealed annotation it says that it is sealed, of a draft nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.evidence import Citation, Unresolved, find_citations, parse_citation, resolve_by
from assay.model.annotation import Annotation, TrajectoryGrades
from assay.sealing.places import graded_by, is_seal, owner, reveal_path
from assay.workspace import Workspace

CITED = 400
"""Characters of a cited place that are shown when no quote says which of them matter."""


@dataclass(frozen=True)
class Cited:
    """A citation that came or went, and the words at the place it names."""

    written: str
    text: str
    """What stands there; the reason when it points at nothing."""
    resolves: bool


@dataclass(frozen=True)
class Change:
    """One thing that is otherwise than before; None where there was or is nothing."""

    at: str
    before: str | None
    after: str | None
    added: tuple[Cited, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """What became of one annotation, task, set of trajectories or escalation."""

    kind: str
    name: str
    state: str
    """`new`, `changed`, `gone` or `sealed`."""
    changes: tuple[Change, ...] = ()


def items(before: Workspace, now: Workspace, paths: Iterable[str]) -> list[Item]:
    """The items that the changed `paths` belong to, in the order in which a reviewer reads them."""
    names = sorted(paths)
    return [*_annotations(before, now), *_seals(names), *_escalations(before, now), *_folders(before, now, names)]


def _annotations(before: Workspace, now: Workspace) -> Iterator[Item]:
    old, new = _sheets(before), _sheets(now)
    for key in sorted({*old, *new}):
        was, is_ = old.get(key), new.get(key)
        if was == is_:
            continue
        if is_withheld(before, now, f"annotations/{key[0]}/{key[1]}.yaml"):
            yield Item("annotation", "/".join(key), "sealed")
            continue
        state = "new" if was is None else "gone" if is_ is None else "changed"
        yield Item("annotation", "/".join(key), state, tuple(_of_sheet(now, key[1], was, is_)))


def _sheets(workspace: Workspace) -> dict[tuple[str, str], Annotation]:
    return {(sheet.task, sheet.annotator): sheet.entry.record for sheet in workspace.sheets if sheet.entry}


def is_withheld(before: Workspace, now: Workspace, path: str) -> bool:
    """Whether `path` is an annotation, or evidence for one, that nobody may read yet: the policy wants a reveal."""
    if now.settings.annotations.independence != "sealed" or path in before.documents:
        return False
    key = graded_by(path)
    return key is not None and not (now.root / reveal_path(*key)).exists()


def _of_sheet(now: Workspace, annotator: str, was: Annotation | None, is_: Annotation | None) -> Iterator[Change]:
    task = (is_ or was).task  # type: ignore[union-attr]
    old, new = was.grades if was else {}, is_.grades if is_ else {}
    for alias in dict.fromkeys((*old, *new)):
        yield from _of_grades(now, annotator, task, alias, (old.get(alias), new.get(alias)))
    tiers = _tiers(was.ranking) if was else None, _tiers(is_.ranking) if is_ else None
    if tiers[0] != tiers[1]:
        yield Change("ranking", *tiers)
    texts = was.comparison if was else None, is_.comparison if is_ else None
    if texts[0] != texts[1]:
        cites = [_in_text(text) for text in texts]
        yield Change("comparison", *texts, *_moved(now, annotator, task, None, cites))
    for name in ("minutes", "guidelines", "rubric"):
        values = getattr(was, name, None), getattr(is_, name, None)
        if values[0] != values[1] and None not in values:
            yield Change(name, str(values[0]), str(values[1]))


def _of_grades(
    now: Workspace,
    annotator: str,
    task: str,
    alias: str,
    both: tuple[TrajectoryGrades | None, TrajectoryGrades | None],
) -> Iterator[Change]:
    was, is_ = both
    old, new = was.criteria if was else {}, is_.criteria if is_ else {}
    for name in dict.fromkeys((*old, *new)):
        grades = old.get(name), new.get(name)
        if grades[0] != grades[1]:
            cites = [grade.cites if grade else [] for grade in grades]
            old_words, new_words = (_verdict(grade.holds, grade.note) if grade else None for grade in grades)
            yield Change(f"{alias} / {name}", old_words, new_words, *_moved(now, annotator, task, alias, cites))
    texts = was.rationale if was else None, is_.rationale if is_ else None
    if texts[0] != texts[1]:
        moved = _moved(now, annotator, task, alias, [_in_text(text) for text in texts])
        yield Change(f"{alias} / rationale", *texts, *moved)


def _verdict(holds: bool | str, note: str) -> str:
    word = {True: "true", False: "false"}.get(holds, "unclear") if isinstance(holds, bool) else "unclear"
    return f"{word}, because: {note.strip()}" if note.strip() else word


def _tiers(ranking: list[list[str]]) -> str:
    return " > ".join(" = ".join(tier) for tier in ranking)


def _in_text(text: str | None) -> list[str]:
    """Citations of running text as they stand in lists, without brackets."""
    return [item.text[1:-1] for item in find_citations(text or "")[0]]


def _moved(
    now: Workspace, annotator: str, task: str, alias: str | None, cites: list[list[str]]
) -> tuple[tuple[Cited, ...], tuple[str, ...]]:
    """Citations that came, with what they show, and those that went."""
    old, new = dict.fromkeys(cites[0]), dict.fromkeys(cites[1])
    added = tuple(_shown(now, annotator, task, alias, item) for item in new if item not in old)
    return added, tuple(item for item in old if item not in new)


def _shown(now: Workspace, annotator: str, task: str, alias: str | None, written: str) -> Cited:
    citation = parse_citation(written)
    if not isinstance(citation, Citation):
        return Cited(written, citation.reason, False)
    attempt = now.attempt(task, citation.alias or alias or "")
    if attempt is None:
        return Cited(written, f"there is no trajectory `{citation.alias or alias or ''}`", False)
    found = resolve_by(now, annotator, citation, attempt)
    if isinstance(found, Unresolved):
        return Cited(written, found.message, False)
    return Cited(written, _around(found.text, citation.quote), True)


def _around(text: str, quote: str | None) -> str:
    """The cited text, or as much of it as surrounds the quote."""
    at = text.find(quote) if quote else 0
    start = max(at - CITED // 4, 0)
    return "…" * (start > 0) + text[start : start + CITED] + "…" * (start + CITED < len(text))


def _seals(paths: Iterable[str]) -> Iterator[Item]:
    for path in paths:
        if is_seal(path):
            task, annotator, stage = owner(path)
            yield Item("annotation", f"{task}/{annotator}" + (f", stage {stage}" if stage else ""), "sealed")


def _escalations(before: Workspace, now: Workspace) -> Iterator[Item]:
    old, new = ({e.path: e.record for found in w.escalations.values() for e in found} for w in (before, now))
    for path in sorted({*old, *new}):
        was, is_ = old.get(path), new.get(path)
        if was != is_:
            fields = [record.model_dump(mode="json") if record else {} for record in (was, is_)]
            state = "new" if was is None else "gone" if is_ is None else "changed"
            name = f"{Path(path).parts[1]}/{Path(path).stem}"
            yield Item("escalation", name, state, tuple(_fields(*fields)))


def _fields(was: Mapping[str, Any], is_: Mapping[str, Any]) -> Iterator[Change]:
    """One change for each key whose value is another; what nobody filled in is left out."""
    for key in dict.fromkeys((*was, *is_)):
        old, new = _words(was.get(key)), _words(is_.get(key))
        if old != new and key != "format":
            yield Change(key, old, new)


def _words(value: Any) -> str | None:
    """A value of a record as a person would say it; None for nothing."""
    if value in (None, "", [], {}):
        return None
    if isinstance(value, list):
        return "\n".join(filter(None, map(_words, value)))
    if isinstance(value, dict):
        return ", ".join(f"{key} {words}" for key, words in ((k, _words(v)) for k, v in value.items()) if words)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _folders(before: Workspace, now: Workspace, paths: list[str]) -> Iterator[Item]:
    """Tasks and trajectories: which files, and for a rubric which criteria."""
    for kind, folder in (("task", "tasks"), ("trajectories", "trajectories")):
        for name in sorted(
            {path.split("/")[1] for path in paths if path.startswith(f"{folder}/") and "/" in path[len(folder) + 1 :]}
        ):
            here = [path for path in paths if path.startswith(f"{folder}/{name}/")]
            was, is_ = ((workspace.root / folder / name).is_dir() for workspace in (before, now))
            state = "changed" if was and is_ else "new" if is_ else "gone"
            changes = (
                [*_criteria(before, now, name), *_files(before, now, here)]
                if kind == "task"
                else _attempts(before, now, name, here)
            )
            yield Item(kind, name, state, tuple(changes))


def _criteria(before: Workspace, now: Workspace, task: str) -> Iterator[Change]:
    old, new = (
        {c.id: c.model_dump(mode="json", exclude_defaults=True) for c in found.rubric.record.criteria}
        if (found := workspace.tasks.get(task)) and found.rubric
        else {}
        for workspace in (before, now)
    )
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            for change in _fields({**old.get(name, {}), "id": None}, {**new.get(name, {}), "id": None}):
                yield Change(f"criterion {name} / {change.at}", change.before, change.after)


def _files(before: Workspace, now: Workspace, paths: Iterable[str]) -> Iterator[Change]:
    for path in paths:
        was, is_ = ((workspace.root / path).exists() for workspace in (before, now))
        yield Change(path, "there" if was else None, ("changed" if was else "there") if is_ else None)


def _attempts(before: Workspace, now: Workspace, task: str, paths: Iterable[str]) -> list[Change]:
    """By alias, how it came out; files beside the aliases by name."""
    inner = dict.fromkeys(path.split("/")[2] for path in paths)
    found: list[Change] = []
    for name in inner:
        both = before.attempt(task, name), now.attempt(task, name)
        if both == (None, None):
            found += _files(before, now, [f"trajectories/{task}/{name}"])
        else:
            was, is_ = (str(one.outcome or "no outcome known") if one else None for one in both)
            found.append(Change(name, was, is_))
    return found
