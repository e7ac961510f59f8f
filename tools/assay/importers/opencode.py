"""Sessions of OpenCode: an export, the storage folder, the database, and the lines of `opencode run --format json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime

from assay.importers.building import Account, Draft, finish
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.opencode_reading import Message, Reading, Session
from assay.importers.opencode_storage import is_database, is_run, is_storage, of_database, of_run, of_storage
from assay.importers.source import ImportFailed, Node, Source
from assay.model.identity import Identity

PRODUCT = "opencode"
_NOT_TOLD = {
    "title": "session title",
    "share": "share link",
    "revert": "revert mark",
}


class OpenCode:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """Messages with `info` and `parts`, or any of the places where the program keeps them."""
        return is_storage(source) or is_database(source) or is_run(source) or _is_export(source)

    def read(self, source: Source) -> list[Imported]:
        """The sessions, each with those that it delegated to; several are told apart by their ids."""
        account = Account()
        sessions, form = _sessions(source, account)
        by_key = {session.key: session for session in sessions}
        whole = [session for session in sessions if session.parent not in by_key and session.messages]
        if not whole:
            raise ImportFailed(f"{source.path}: must hold a session of OpenCode with at least one message")
        label = len(whole) > 1
        read = (_attempt(source, form, session, by_key, deepcopy(account), label) for session in whole)
        if found := [attempt for attempt in read if attempt]:
            return found
        raise ImportFailed(f"{source.path}: must hold a session in which somebody speaks")


def _is_export(source: Source) -> bool:
    data = None if source.is_folder else source.peek()
    messages = data.get("messages") if isinstance(data, dict) and "info" in data else data
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, dict) and "info" in first and "parts" in first


def _sessions(source: Source, account: Account) -> tuple[list[Session], str]:
    if is_storage(source):
        return of_storage(source), "opencode-storage"
    if is_database(source):
        return of_database(source), "opencode-database"
    if is_run(source):
        return of_run(source, account), "opencode-run"
    root = source.root
    info = None if isinstance(root.value, list) else root.object("info")
    found = list(root.elements()) if isinstance(root.value, list) else root.items("messages")
    messages = [Message(_info(message), message.items("parts")) for message in found]
    return [Session((info and info.text("id")) or "export", "", info, messages)], "opencode-export"


def _info(message: Node) -> Node:
    return message.object("info") or message.fail("a message with `info`")


def _attempt(
    source: Source, form: str, session: Session, every: Mapping[str, Session], account: Account, label: bool
) -> Imported | None:
    family = list(_family(session, every.values(), set()))
    for key, what in _NOT_TOLD.items():
        account.dropped[what] += sum(bool(one.info and one.info.get(key)) for one in family)
    mask = Mask(_names(family))
    draft, names = Draft(mask, account), dict[str, str]()
    for child in family[:-1]:
        inner = Draft(mask, account)
        Reading(inner, account, names).read(child.messages)
        if inner.steps:
            names[child.key] = f"delegated-{len(names) + 1}"
            draft.children.append(inner.trajectory(name=names[child.key]))
        else:
            account.dropped["delegated run without steps of its own"] += 1
    Reading(draft, account, names).read(session.messages)
    if not draft.steps and label:
        return None
    return finish(draft, _identity(source, form, family), [source.path], label=session.key if label else "")


def _family(session: Session, every: Iterable[Session], seen: set[str]) -> Iterator[Session]:
    """The session, after all that it delegated to."""
    seen.add(session.key)
    for child in every:
        if child.parent == session.key and child.key not in seen:
            yield from _family(child, every, seen)
    yield session


def _models(messages: Sequence[Message]) -> Iterator[tuple[str | None, str]]:
    """Provider and model of every message that names one."""
    for message in messages:
        info = message.info
        chosen = info.object("model")
        owner = chosen or info
        model = owner.text("modelID") or owner.text("id")
        if model and (chosen or info.text("modelID")):
            yield owner.text("providerID"), model


def _names(family: Sequence[Session]) -> Names:
    messages = [message for session in family for message in session.messages]
    models = list(_models(messages))
    return Names(
        agents=frozenset({PRODUCT}),
        models=frozenset(model for _, model in models),
        vendors=frozenset(provider for provider, _ in models if provider),
        users=users_in(*(one.info.text("directory") for one in family if one.info), *_directories(messages)),
    )


def _directories(messages: Sequence[Message]) -> Iterator[str | None]:
    for message in messages:
        path = message.info.object("path")
        if path:
            yield from (path.text("cwd"), path.text("root"))


def _identity(source: Source, form: str, family: Sequence[Session]) -> Identity:
    session, messages = family[-1].info, [message for one in family for message in one.messages]
    models = dict.fromkeys(f"{provider}/{model}" if provider else model for provider, model in _models(messages))
    modes = dict.fromkeys(mode for message in messages if (mode := message.info.text("agent")))
    costs = [message.info.number("cost") for message in messages]
    time = session.object("time") if session else None
    created = time.number("created") if time else None
    extra = {
        "session_id": session.text("id") if session else None if form == "opencode-export" else family[-1].key,
        "directory": session.text("directory") if session else None,
        "modes": ", ".join(modes),
        "cost_usd": f"{sum(cost for cost in costs if cost):.6f}" if any(costs) else None,
        "started": _iso(created) if created else None,
    }
    return Identity(
        agent=PRODUCT,
        version=session.text("version") if session else None,
        model=", ".join(models) or None,
        source_format=form,
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )


def _iso(milliseconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
