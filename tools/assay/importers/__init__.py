"""Reading the logs of agents: one importer for each format, found by name or by content.

Built-in importers are in the table below; others come from the entry-point group `assay.importers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from assay.importers.contract import Imported, Importer, ImporterUnusable, ImportReport
from assay.importers.source import ImportFailed, Source

__all__ = ["ImportFailed", "ImportReport", "Imported", "Importer", "ImporterUnusable", "Registry", "Source", "registry"]

GROUP = "assay.importers"
BUILT_IN = {
    "atif": "assay.importers.atif:Atif",
    "opencode": "assay.importers.opencode:OpenCode",
    "claude-code": "assay.importers.claude_code:ClaudeCode",
    "qwen-code": "assay.importers.qwen_code:QwenCode",
    "gemini-cli": "assay.importers.gemini_cli:GeminiCli",
    "inspect": "assay.importers.inspect:Inspect",
    "terminal-bench": "assay.importers.terminal_bench:TerminalBench",
    "codex": "assay.importers.codex:Codex",
    "pi": "assay.importers.pi:Pi",
    "cline": "assay.importers.cline:Cline",
    "copilot": "assay.importers.copilot:Copilot",
    "mini-swe-agent": "assay.importers.mini_swe_agent:MiniSweAgent",
    "swe-agent": "assay.importers.swe_agent:SweAgent",
    "openhands": "assay.importers.openhands:OpenHands",
}
"""Name -> module and class, in the order in which content is tried."""


@dataclass(frozen=True)
class Registry:
    """All importers by name; none is loaded before it is asked for."""

    plugins: Mapping[str, EntryPoint]
    warnings: tuple[str, ...]
    """Plugins that cannot be reached, because their name is taken."""

    @property
    def names(self) -> list[str]:
        """Every known name, built-ins first."""
        return [*BUILT_IN, *sorted(self.plugins)]

    def get(self, name: str) -> Importer:
        """The importer of that name. Raises `ImporterUnusable`."""
        if name in BUILT_IN:
            module, _, attribute = BUILT_IN[name].partition(":")
            built_in: Importer = getattr(import_module(module), attribute)()
            return built_in
        if name not in self.plugins:
            known = ", ".join(self.names)
            raise ImporterUnusable("importer-unknown", f"there is no importer `{name}`; there are {known}")
        return _plugin(self.plugins[name])

    def read(self, path: Path, name: str | None = None) -> tuple[str, Sequence[Imported]]:
        """The attempts of a log, and the name of the importer that read it: the named one, or the first that knows it.

        Raises `ImportFailed` and `ImporterUnusable`.
        """
        source = Source(path)
        importer = self.get(name) if name else self._detect(source)
        return importer.name, importer.read(source)

    def _detect(self, source: Source) -> Importer:
        for name in self.names:
            importer = self.get(name)
            if importer.sniff(source):
                return importer
        if source.is_folder:
            raise ImportFailed(
                f"{source.path}: must be the folder of a log of a known format, or of a Harbor job or trial",
                "name the log's file",
            )
        if source.content.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] in (b"{", b"[", b""):
            _ = source.document  # the log of a known format may only be cut off: then this says where
        formats = ", ".join(self.names)
        raise ImportFailed(
            f"{source.path}: is not a log of a known format; known are {formats}",
            "if it is one of these, name it with `--format` to see what it lacks",
        )


@cache
def registry() -> Registry:
    """Built-in importers and those of installed distributions. Of namesakes the built-in wins, then the first."""
    plugins: dict[str, EntryPoint] = {}
    warnings = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _distribution(entry))):
        if entry.name in BUILT_IN or entry.name in plugins:
            winner = "the built-in one" if entry.name in BUILT_IN else f"that of {_distribution(plugins[entry.name])}"
            warnings.append(f"the importer `{entry.name}` of {_distribution(entry)} is ignored; {winner} is used")
        else:
            plugins[entry.name] = entry
    return Registry(plugins, tuple(warnings))


def _plugin(entry: EntryPoint) -> Importer:
    origin = f"the importer `{entry.name}` of {_distribution(entry)}"
    try:
        loaded: Any = entry.load()
        importer = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:  # foreign code may raise anything, and its distribution must be named
        reason = f"{type(error).__name__}: {error}"
        raise ImporterUnusable("importer-broken", f"{origin} cannot be loaded: {reason}", _repair(entry)) from error
    if not isinstance(importer, Importer):
        found = f"`{entry.value}`, which lacks `name`, `sniff` or `read`"
        raise ImporterUnusable("importer-broken", f"{origin} must be an importer, found {found}", _repair(entry))
    return importer


def _repair(entry: EntryPoint) -> str:
    return f"update or uninstall {_distribution(entry)}"


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
