"""What Codex leaves behind: rollouts of sessions, the events of `codex exec --json`, and the text of `codex exec`.

A rollout is `{timestamp, type, payload}` in each line; before 0.40 its items stand bare below a header line.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.importers.building import Account, Draft, finish, records
from assay.importers.codex_exec import is_event, read_events
from assay.importers.codex_rollout import Reading, payload_of
from assay.importers.codex_text import is_printed, read_printed
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import Node, Source
from assay.importers.turns import Turns
from assay.model.identity import Identity

PRODUCT = "codex"
_ROLLOUT = ("session_meta", "response_item", "event_msg", "turn_context")


class Codex:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """Lines of one of the two kinds of JSON, or the banner of the text."""
        if source.is_folder:
            return False
        head = source.head
        return any(is_event(line) or _is_rollout(line) for line in head) or is_printed(source)

    def read(self, source: Source) -> list[Imported]:
        """The session; delegated sessions are logs of their own and are not in it."""
        if is_printed(source):
            return [read_printed(source, PRODUCT)]
        account = Account()
        nodes = records(source, account)
        if any(is_event(node.value) for node in nodes):
            return [read_events(source, nodes, account, PRODUCT)]
        facts = _Facts(nodes)
        draft, turns = Draft(Mask(facts.names()), account), Turns(account)
        if facts.meta and facts.meta.text("forked_from_id"):
            account.open.append("The first steps are those of an earlier session, which was continued here.")
        reading = Reading(turns, account, nodes)
        for node in nodes:
            reading.line(node)
        reading.end()
        turns.fill(draft)
        return [finish(draft, facts.identity(source), [source.path], patch=reading.patch)]


def _is_rollout(line: dict[str, object]) -> bool:
    if "type" in line:
        return line["type"] in _ROLLOUT and isinstance(line.get("payload"), dict)
    return {"id", "timestamp", "instructions"} <= set(line)


class _Facts:
    """Who the log says it is from."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        parts = [payload_of(node) for node in nodes]
        self.meta = next((part for kind, part in parts if kind in ("session_meta", "header")), None)
        contexts = [part for kind, part in parts if kind == "turn_context"]
        self.models = list(dict.fromkeys(model for part in contexts if (model := part.text("model"))))
        self.folders = list(dict.fromkeys(folder for part in contexts if (folder := part.text("cwd"))))
        self.efforts = list(dict.fromkeys(effort for part in contexts if (effort := part.text("effort"))))
        if self.meta and (folder := self.meta.text("cwd")):
            self.folders.insert(0, folder)

    def _said(self, key: str) -> str | None:
        return self.meta.text(key) if self.meta else None

    def names(self) -> Names:
        vendor = self._said("model_provider")
        return Names(
            agents=frozenset({PRODUCT}),
            models=frozenset(self.models),
            vendors=frozenset({vendor} if vendor else ()),
            users=users_in(*self.folders),
        )

    def identity(self, source: Source) -> Identity:
        vendor = self._said("model_provider")
        extra = {
            "session_id": self._said("id"),
            "directory": self.folders[0] if self.folders else None,
            "originator": self._said("originator"),
            "effort": ", ".join(self.efforts),
            "started": self._said("timestamp"),
        }
        return Identity(
            agent=PRODUCT,
            version=self._said("cli_version"),
            model=", ".join(f"{vendor}/{model}" if vendor else model for model in self.models) or None,
            source_format="codex-rollout",
            source_sha256=source.sha256,
            extra={key: value for key, value in extra.items() if value},
        )
