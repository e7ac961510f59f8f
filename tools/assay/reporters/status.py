"""What waits for whom, for a person at a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from assay.results.duties import Status
from assay.results.waiting import NOBODY, Item

_WIDTH = 80


def as_text(found: Status) -> Iterator[str]:
    """Lines of the report."""
    if found.by and not found.items:
        yield f"{found.by}: nothing waits for you"
    for person, items in groupby(found.items, lambda item: item.person):
        roles = ", ".join(found.people.get(person, ()))
        yield f"{person} ({roles})" if roles else person or "nobody yet: add the role in annotations/people.yaml"
        for item in items:
            yield from _item(item)
        yield ""
    if not found.items and not found.by:
        yield "nothing waits for anybody"
        yield ""
    blocks = [block for block in found.blocks if not found.by or _concerns(found, block.task)]
    if blocks:
        yield "what blocks what"
        for block in blocks:
            yield from _wrapped(f"{block.what} of {block.task} waits for {', '.join(block.waits_for)}", 2)
    if found.by is None:
        yield from ["", "tasks"] if blocks else ["tasks"]
        for task, names in found.annotated.items():
            count = sum(1 for _ in {(item.kind, item.says) for item in found.items if item.task == task})
            parts = [f"annotated by {', '.join(names)}" if names else "no annotation that all can read"]
            parts += [f"sealed by {', '.join(found.sealed[task])}"] if found.sealed[task] else []
            parts += [f"{count} to do" if count else "nothing to do"]
            yield from _wrapped(f"{task}: {'; '.join(parts)}", 2)


def _concerns(found: Status, task: str) -> bool:
    mine = (
        *found.annotated.get(task, ()),
        *found.sealed.get(task, ()),
        *(i.person for i in found.items if i.task == task),
    )
    return found.by in mine


def _item(item: Item) -> Iterator[str]:
    about = f"{item.task}: " if item.task else ""
    role = f" ({item.role})" if item.person == NOBODY else ""
    yield from _wrapped(f"{about}{item.says}{role}", 2)
    if item.run:
        yield f"    $ {item.run}"


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
