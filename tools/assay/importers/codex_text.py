"""The text that `codex exec` printed up to version 0.40: a banner, then entries that begin with a time in brackets.

It prints at most twenty lines of each output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.importers.building import Account, Call, Draft, Result, finish
from assay.importers.codex_exec import unquoted
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Source
from assay.importers.terminal import shown
from assay.importers.turns import Turns, moment
from assay.model.identity import Identity

_STAMP = r"\[(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\] "
_BANNER = re.compile(rf"^(?:{_STAMP})?OpenAI Codex v(?P<version>\d[\w.-]*).*\n-{{4,}}$", re.MULTILINE)
_ENTRY = re.compile(rf"^{_STAMP}", re.MULTILINE)
_SETTING = re.compile(r"^(workdir|model|provider|reasoning effort|session id): (.+)$", re.MULTILINE)
_EXEC = re.compile(r"exec (?P<command>.+) in (?P<folder>\S[^\n]*)", re.DOTALL)
_ENDED = re.compile(r" (?P<how>succeeded|success|failed|exited (?P<code>-?\d{1,9})) in (?P<lasted>[\d.ms ]{2,16}):?")
_LASTED = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(ms|m|s)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60}
_TOOL = re.compile(r"tool (?P<name>[\w.-]+)\((?P<arguments>.*)\)\s*", re.DOTALL)
_PATCH = re.compile(r"(?P<name>apply_patch)(?: |\()auto_approved=\w+\)?")
_TROUBLE = re.compile(r"ERROR:|stream error|background event|\w+ error:")
_LIMIT = 20
"""Lines of an output that are printed."""
_FIRST = 20_000
"""Characters in which the banner must come."""


def is_printed(source: Source) -> bool:
    """Whether the content has the banner near its start."""
    if source.is_folder:
        return False
    start = source.content[:_FIRST].decode("utf-8", "replace").replace("\r\n", "\n")
    return not start.lstrip("\ufeff \n\t").startswith(("{", "[{")) and bool(_BANNER.search(shown(start)))


def read_printed(source: Source, product: str) -> Imported:
    """The run."""
    text = shown(source.text.replace("\r\n", "\n"))
    banner = _BANNER.search(text)
    if banner is None:
        raise ImportFailed(f"{source.path}:1:1: must begin with the banner of the program")
    account = Account()
    account.dropped["banner"] += 1
    head, *entries = _entries(text[banner.end() :])
    told = dict(_SETTING.findall(head[1]))
    turns = Turns(account)
    log = _Log(turns, account)
    for time, entry in entries:
        log.entry(time, entry)
    model, vendor = told.get("model"), told.get("provider")
    names = Names(
        agents=frozenset({product}),
        models=frozenset({model} if model else ()),
        vendors=frozenset({vendor} if vendor else ()),
        users=users_in(told.get("workdir")),
    )
    draft = Draft(Mask(names), account)
    turns.fill(draft)
    if log.long:
        account.open.append(f"Long outputs that the log may have cut off: {log.long}.")
    extra = {
        "session_id": told.get("session id"),
        "directory": told.get("workdir"),
        "effort": told.get("reasoning effort"),
        "started": banner["time"],
    }
    identity = Identity(
        agent=product,
        version=banner["version"],
        model=f"{vendor}/{model}" if vendor and model else model,
        source_format="codex-exec-text",
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )
    return finish(draft, identity, [source.path], patch=log.patch)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Time and content of every entry; the first has no time and is what stands before all others."""
    start, time = 0, ""
    for found in _ENTRY.finditer(text):
        yield time, text[start : found.start()].strip("\n")
        start, time = found.end(), found["time"]
    yield time, text[start:].strip("\n")


class _Log:
    """Walks the entries."""

    patch = ""
    """The whole change, as the last turn left it."""
    long = 0
    """Outputs that are as long as they can be."""

    def __init__(self, turns: Turns, account: Account) -> None:
        self.turns = turns
        self.account = account
        self._open: dict[str, str] = {}
        """Beginning of the entry that ends a call -> key of the call."""
        self._commands: set[str] = set()
        self._calls = 0

    def entry(self, stamp: str, text: str) -> None:
        at = moment(stamp)
        self.account.dropped["timestamp"] += 1
        kind, _, body = text.partition("\n")
        if self._finished(text):
            return
        if kind == "User instructions:":
            self.turns.user(body, at)
        elif kind in ("thinking", "codex"):
            reply = self.turns.open(at)
            (reply.reasoning if kind == "thinking" else reply.texts).append(body.strip("\n"))
        elif kind.startswith("tokens used:"):
            self.account.dropped["token count that does not tell prompt from completion"] += 1
        elif kind == "turn diff:":
            self.account.dropped["second copy of a change"] += 1
            self.patch = f"{body}\n"
        elif _TROUBLE.match(kind):
            self.account.odd["errors of the program"] += 1
        elif not self._began(text, at):
            self._more(f"\n[{stamp}] {text}")

    def _more(self, text: str) -> None:
        """Not an entry: lines of an output or a message, of which one looks like the start of an entry."""
        last = self.turns.last()
        if last is None or not (last.results or last.texts):
            self.account.skipped["entry of unknown kind"] += 1
        elif last.results:
            result = last.results[-1]
            last.results[-1] = Result(result.key, f"{result.content}{text}", result.facts)
        else:
            last.texts[-1] += text

    def _began(self, text: str, at: float | None) -> bool:
        """Whether a call begins here."""
        run, tool, patch = _EXEC.fullmatch(text), _TOOL.fullmatch(text), _PATCH.match(text)
        if run:
            arguments = {"command": unquoted(run["command"]), "workdir": run["folder"]}
            self._call(at, run["command"], "exec", arguments)
            self._commands.add(f"{self._calls}")
        elif tool:
            self._call(at, f"{tool['name']}({tool['arguments']})", tool["name"], tool["arguments"])
            self._open[tool["name"]] = f"{self._calls}"
        elif patch:
            title = patch["name"]
            self._call(at, title, title, text[patch.end() :].lstrip(":\n"))
        return bool(run or tool or patch)

    def _call(self, at: float | None, title: str, name: str, arguments: object) -> None:
        self._calls += 1
        self._open[title] = f"{self._calls}"
        self.turns.call(Call(f"{self._calls}", name, arguments), self.turns.open(at))

    def _finished(self, text: str) -> bool:
        """Whether this is what an open call gave: its title again, how it ended, and the start of its output."""
        patch = _PATCH.match(text)
        for title in sorted(self._open, key=len, reverse=True):
            rest = text[patch.end() if patch else len(title) :]
            ended = _ENDED.match(rest) if text.startswith(title) else None
            if ended:
                key = self._open[title]
                self._open = {name: other for name, other in self._open.items() if other != key}
                self._give(key, ended, rest[ended.end() :].removeprefix("\n"))
                return True
        return False

    def _give(self, key: str, ended: re.Match[str], output: str) -> None:
        self.long += len(output.splitlines()) >= _LIMIT
        facts: dict[str, object] = {}
        if ended["code"] or (ended["how"] == "succeeded" and key in self._commands):
            facts["exit_code"] = int(ended["code"] or 0)
        elif ended["how"] == "failed":
            facts["is_error"] = True
        lasted = _LASTED.findall(ended["lasted"])
        if lasted:
            facts["seconds"] = round(sum(float(number) * _UNITS[unit] for number, unit in lasted), 3)
        self.turns.result(Result(key, output, facts))
