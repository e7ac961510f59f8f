"""ATIF, the Agent Trajectory Interchange Format, versions 1.0 to 1.8.

Reads what the specification allows and a little more: unknown keys and content parts are counted, never fatal. Copied
context is left out, a continuation beside the log is followed, delegated runs are kept, each masked like the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assay.importers.atif_values import (
    Origin,
    count,
    document_of,
    facts,
    identity,
    names,
    origin_of,
    own_extra,
    references,
    seconds,
)
from assay.importers.building import Account, Call, Clock, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names
from assay.importers.source import Node, Source


class Atif:
    """The importer."""

    name = "atif"

    def sniff(self, source: Source) -> bool:
        """An object whose `schema_version` starts with `ATIF-v`."""
        data = source.peek()
        return isinstance(data, dict) and str(data.get("schema_version", "")).startswith("ATIF-v")

    def read(self, source: Source) -> list[Imported]:
        """The log, its continuations and its delegated runs."""
        return [read_parts([(source, None)])[0]]


def read_parts(
    parts: Sequence[tuple[Source, str | None]], who: Names | None = None, remarks: Sequence[str] = ()
) -> tuple[Imported, Mask]:
    """Logs that follow each other as one trajectory, and what masks the texts that belong to it.

    Each log may name the milestone that was being worked on. `who` is known of the maker beside the logs; `remarks`
    become notes of the trajectory and must not tell.
    """
    reading = _Reading(parts, who or Names())
    reading.account.open += remarks
    return reading.imported(), reading.mask


class _Reading:
    """One import: all files first, for the names to mask; then the steps."""

    def __init__(self, parts: Sequence[tuple[Source, str | None]], who: Names) -> None:
        self.account = Account()
        self.sources: list[Source] = [source for source, _ in parts]
        self.delegated = 0
        self._whole = len(parts) == 1
        self._milestones = {source.path.parent: name for source, name in parts}
        self._files = {source.path.resolve(): source.root for source in self.sources}
        self._delegated_files = set(self._files)
        first = self.sources[0]
        self.documents = [item for source, _ in parts for item in self._chain(document_of(source.root))]
        every = [document for start in self.documents for document in self._family(start)]
        self.identity = identity(first, every)
        self.mask = Mask(who | names(every))

    def imported(self) -> Imported:
        draft = Draft(self.mask, self.account)
        self._fill(draft, self.documents, {})
        notes = [line for start in self.documents for line in (start.text("notes") or "").splitlines()]
        files = [source.path for source in self.sources]
        self._compare_totals(draft)
        return finish(draft, self.identity, files, map(self.mask.prose, notes))

    def _chain(self, document: Node) -> Iterator[Node]:
        """The document and what continues it, as far as the files are there."""
        following: Node | None = document
        while following is not None:
            yield following
            reference = following.text("continued_trajectory_ref")
            following, fresh = self._beside(following, reference)
            if reference and not fresh:
                self.account.open.append("The log says that it goes on; its continuation was not found.")
                following = None

    def _beside(self, document: Node, reference: str | None) -> tuple[Node | None, bool]:
        """The document in a file that this one names, and whether that file is read for the first time."""
        source = document.source.beside(reference) if reference else None
        if source is None:
            return None, False
        path = source.path.resolve()
        fresh = path not in self._files
        if fresh:
            self._files[path] = document_of(source.root)
            self.sources.append(source)
        return self._files[path], fresh

    def _family(self, document: Node) -> Iterator[Node]:
        """The document and its delegated runs, at any depth, in this file and beside it."""
        yield document
        for child in document.items("subagent_trajectories"):
            yield from self._family(child)
        for ref in references(document):
            found, fresh = self._beside(document, ref.text("trajectory_path"))
            if found and fresh:
                yield from self._family(found)

    def _fill(self, draft: Draft, documents: Sequence[Node], outer: Mapping[str, str]) -> None:
        """Add the steps of all documents to the draft, delegated runs before the steps that refer to them."""
        ids = dict(outer)
        for document in documents:
            for child in document.items("subagent_trajectories"):
                name = child.text("trajectory_id")
                if name is None or name not in ids:  # a continuation may repeat it
                    ids |= self._delegate(draft, child, name, ids)
            for ref in references(document):
                beside, _ = self._beside(document, ref.text("trajectory_path"))
                if beside and (file := beside.source.path.resolve()) not in self._delegated_files:
                    self._delegated_files.add(file)
                    ids |= self._delegate(draft, beside, ref.text("trajectory_path"), ids)
        clock = Clock(self.account)
        for document in documents:
            self._steps(draft, document, ids, clock)

    def _delegate(self, draft: Draft, child: Node, name: str | None, ids: Mapping[str, str]) -> dict[str, str]:
        """Append a delegated run to the draft. Returns its neutral id by its old one, if it had one."""
        inner = Draft(self.mask, self.account)
        self.delegated += 1
        new = f"delegated-{self.delegated}"
        self._fill(inner, [child], ids)
        if not inner.steps:
            self.account.dropped["delegated run without steps of its own"] += 1
            return {}
        draft.children.append(inner.trajectory(name=new))
        return {} if name is None else {name: new}

    def _steps(self, draft: Draft, document: Node, ids: Mapping[str, str], clock: Clock) -> None:
        count(self.account, document, "trajectory")
        count(self.account, document.object("agent") or document, "agent")
        begun = False
        copied = 0
        for step in document.items("steps"):
            count(self.account, step, "step")
            origin = origin_of(step)
            if step.flag("is_copied_context"):
                copied += 1
            elif origin == "system" and not begun and step.get("observation") is None:
                self.account.dropped["system prompt"] += 1
            else:
                self._step(draft, step, origin, ids, clock)
            begun = begun or origin == "agent"
        if copied:
            self.account.dropped["step of copied context"] += copied
            self.account.open.append(f"Steps of copied context that were left out: {copied}.")

    def _step(self, draft: Draft, step: Node, origin: Origin, ids: Mapping[str, str], clock: Clock) -> None:
        extra = dict(own_extra(step))
        if milestone := self._milestones.get(step.source.path.parent):
            extra.setdefault("milestone", milestone)
        waited = clock.since_previous(seconds(self.account, step))
        if waited is not None:
            extra["seconds_since_previous"] = waited
        acts = origin == "agent"
        odd = [key for key in ("tool_calls", "reasoning_content", "metrics") if step.get(key) is not None]
        if not acts:
            self.account.skipped.update(f"{key} of a {origin} step" for key in odd)
        draft.add(
            origin,
            self._content(step, "message") or "",
            reasoning=(step.text("reasoning_content") or "") if acts else "",
            calls=[self._call(call) for call in step.items("tool_calls")] if acts else (),
            results=self._results(step, ids),
            tokens=self._tokens(step) if acts else None,
            extra=extra,
        )

    def _call(self, call: Node) -> Call:
        count(self.account, call, "tool_call")
        arguments = call.get("arguments")
        key = call.get("tool_call_id")
        return Call(
            "" if key is None else str(key.value), call.text("function_name") or "", arguments and arguments.value
        )

    def _results(self, step: Node, ids: Mapping[str, str]) -> Iterator[Result]:
        observation = step.object("observation")
        if observation is None:
            return
        count(self.account, observation, "observation")
        for result in observation.items("results"):
            count(self.account, result, "result")
            key = result.get("source_call_id")
            children = [child for ref in result.items("subagent_trajectory_ref") if (child := self._child(ref, ids))]
            content = self._content(result, "content")
            yield Result(None if key is None else str(key.value), content, facts(result), children)

    def _child(self, ref: Node, ids: Mapping[str, str]) -> str | None:
        count(self.account, ref, "ref")
        child = ids.get(ref.text("trajectory_id") or "") or ids.get(ref.text("trajectory_path") or "")
        if child is None:
            self.account.odd["delegated runs that are not in the log or beside it"] += 1
        return child

    def _content(self, owner: Node, key: str) -> str | None:
        """Text, or the parts of a mixed message as text: media are not carried along."""
        content = owner.get(key)
        if content is None or isinstance(content.value, str):
            return None if content is None else str(content.value)
        if not isinstance(content.value, list):
            content.fail("text or a list of parts")
        return "\n".join(map(self._part, content.elements()))

    def _part(self, part: Node) -> str:
        count(self.account, part, "part")
        kind = part.text("type") or "part"
        if kind == "text":
            return part.text("text") or ""
        counter = self.account.dropped if kind in ("image", "audio") else self.account.skipped
        counter[f"content part `{kind}`"] += 1
        return f"[{kind if kind in ('image', 'audio') else 'part'}]"

    def _tokens(self, step: Node) -> dict[str, int | None] | None:
        metrics = step.object("metrics")
        if metrics is None:
            return None
        count(self.account, metrics, "metrics")
        return {name: metrics.count(name) for name in ("prompt_tokens", "completion_tokens", "cached_tokens")}

    def _compare_totals(self, draft: Draft) -> None:
        """The log's own totals are not used: they may cover copied context and runs that are not here."""
        last = self.documents[-1].object("final_metrics")
        counted = sum(step.get("metrics", {}).get("prompt_tokens", 0) for step in draft.steps)
        total = last.count("total_prompt_tokens") if last else None
        if total is not None and total != counted and not draft.children and self._whole:
            text = f"The log's own total of {total:,} prompt tokens is not that of the steps kept, {counted:,}."
            self.account.notes.append(text)
