"""Diagnostics as text for a terminal or another program. `render` takes them sorted and returns the whole output."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from assay.diagnostics import Diagnostic

FORMATS = ("text", "github", "sarif", "rdjson", "codequality", "junit", "json")


class Reporter(Protocol):
    """One output format."""

    def render(self, diagnostics: Sequence[Diagnostic], checked: str) -> str:
        """The report; `checked` says in words what was looked at."""
        ...


def reporter(name: str) -> Reporter:
    """The reporter for one of `FORMATS`."""
    return cast(Reporter, import_module(f"assay.reporters.{name}"))
