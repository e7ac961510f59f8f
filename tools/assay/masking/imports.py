"""The last look at an imported attempt before it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assay.masking.dictionary import EVERYDAY, Term, named
from assay.masking.files import Found, leaks, split
from assay.model.identity import Identity
from assay.model.settings import MaskPolicy

HINT = (
    "if it is the task's own, allow it in assay.toml: `[[mask.allow]]` with `term`, `task` and `reason`; "
    "else the importer should have masked it: please report that"
)
_SHOWN = 5
_USER = re.compile(r"(?:/home|/[Uu]sers|\\Users)[/\\]+([\w.-]+)")
_DATE = re.compile(r"[-@]?(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


@dataclass(frozen=True)
class Verdict:
    """`refusal` is empty when the attempt may be written; `residual` are doubts, one sentence each."""

    refusal: str
    residual: tuple[str, ...]


def judge(files: Mapping[str, bytes], task: str, identity: Identity, policy: MaskPolicy) -> Verdict:
    """Whether the files of an attempt tell who made it: by the dictionary, or by what its own log says."""
    own = tuple(_own(identity))
    certain: list[str] = []
    possible: list[str] = []
    for path, content in files.items():
        sure, doubtful = split(leaks(path, content.decode("utf-8", errors="replace"), task, policy, own))
        certain += (_said(path, item) for item in sure)
        possible += (f"May tell who made it: {_said(path, item)}" for item in doubtful)
    more = f" and {len(certain) - _SHOWN} more" if len(certain) > _SHOWN else ""
    refusal = f"still tells who made it: {'; '.join(certain[:_SHOWN])}{more}" if certain else ""
    return Verdict(refusal, tuple(possible))


def _said(path: str, found: Found) -> str:
    return f"{found.words} in {path if found.step is None else f'step {found.step}'}"


def _own(identity: Identity) -> Iterator[Term]:
    """What a log says about its maker, in words that mean nothing else."""
    names = [identity.agent]
    for model in (identity.model or "").split(", "):
        tail = model.rpartition("/")[2]
        names += [model, tail, _DATE.sub("", tail)]
    users = [user for value in identity.extra.values() for user in _USER.findall(value)]
    sessions = [text for key, text in identity.extra.items() if "session" in key and re.fullmatch(r"[\w-]{12,}", text)]
    for kind, found in (("agent", names), ("user", users), ("session", sessions)):
        for name in dict.fromkeys(found):
            if len(re.sub(r"[\W_]", "", name)) > 3 and name.lower() not in EVERYDAY.split():
                yield named(kind, name)
