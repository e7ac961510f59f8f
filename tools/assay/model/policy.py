"""`assay audit --policy FILE`: severities of rules."""

from __future__ import annotations

from typing import Literal

from assay.model.settings import Settings


class Policy(Settings):
    """A TOML file with a `[rules]` table and nothing else required; every assay.toml is one too."""

    format: Literal[1] = 1
