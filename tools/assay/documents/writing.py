"""YAML that people edit: text over several lines stands as it is, and the strict reader gets back what was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from assay.documents.yaml_scalars import plain

WIDTH = 2**30
"""No value is folded: a diff shows whole lines."""


_BREAKS = set("\r\x85\u2028\u2029\ufeff")
"""Breaks lines for some reader; only double quotes keep it."""


class _Dumper(yaml.SafeDumper):
    """Quotes what some reader would take for something else than text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # items of a list stand below their key, indented


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if _BREAKS & set(value) or not isinstance(plain(value), str):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(data: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """`data` (plain values, fields in order) as YAML; `comments` are put above the fields they are for.

    A comment on a field that `data` lacks is left out; its text may run over several lines.
    """
    pieces = []
    for key, value in data.items():
        pieces += [f"# {line}\n" for line in (comments or {}).get(key, "").splitlines()]
        text = yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, indent=2)
        # the end of a document, which PyYAML writes after text that ends with blank lines
        pieces.append(text.removesuffix("...\n") if text.endswith("\n...\n") else text)
    return "".join(pieces)
