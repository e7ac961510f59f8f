"""From a document to a record: pydantic's errors as diagnostics, in our words and at the right place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from assay.diagnostics import Diagnostic
from assay.documents.document import Document
from assay.documents.source import Loc
from assay.model.base import ID_PATTERN

SCHEMA = "schema"
M = TypeVar("M", bound=BaseModel)

_TYPES = {
    "bool": "a true/false value",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "dataclass": "a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS = {
    "string_too_short": ("min_length", "at least", "character"),
    "string_too_long": ("max_length", "at most", "character"),
    "too_short": ("min_length", "at least", "item"),
    "too_long": ("max_length", "at most", "item"),
}
_KEY_LABEL = "[key]"


@dataclass(frozen=True)
class _Failure:
    """One of pydantic's errors. `place` is where in the data; the names of union members are apart, in `labels`."""

    kind: str
    place: Loc
    labels: tuple[tuple[int, str], ...]
    """Length of `place` where the label stood, and the label."""
    value: Any
    text: str
    context: Mapping[str, Any]
    missing: str | None = None
    on_key: bool = False

    @property
    def at(self) -> Loc:
        return self.place if self.missing is None else (*self.place, self.missing)

    @property
    def expectation(self) -> str | None:
        """What must be there, as in `must be ...`; None for errors that are no matter of type."""
        if self.kind in ("literal_error", "enum"):
            return _choices(str(self.context["expected"]))
        if self.kind == "none_required":
            return "empty"
        name = re.sub(r"_(?:type|parsing|from_float)$", "", self.kind)
        return _TYPES.get(name) if name != self.kind else None


def validate(document: Document, model: type[M]) -> tuple[M | None, list[Diagnostic]]:
    """The record in `document`, or a diagnostic for each place where it does not fit `model`.

    Places that reading has reported are not reported again; so None may come with no diagnostics.
    """
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        failures = [_failure(document.data, dict(item)) for item in error.errors(include_url=False)]
    found = {
        _diagnostic(document, model, group) for group in _settled(failures) if not _reported(document, group[0].at)
    }
    return None, sorted(found)


def _reported(document: Document, at: Loc) -> bool:
    flagged = document.flagged
    # an entry that was left out at a merge key may be the one that is missing
    return any(at[:length] in flagged for length in range(len(at) + 1)) or (*at[:-1], "<<") in flagged


def _failure(data: Any, error: Mapping[str, Any]) -> _Failure:
    loc: tuple[Any, ...] = error["loc"]
    missing = str(loc[-1]) if error["type"] in ("missing", "missing_argument") and loc else None
    place: list[str | int] = []
    labels: list[tuple[int, str]] = []
    for part in loc if missing is None else loc[:-1]:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and part in range(len(data))):
            data = data[part]
            place.append(part)
        else:
            labels.append((len(place), str(part)))
    on_key = bool(labels) and labels[-1][1] == _KEY_LABEL
    return _Failure(
        kind=error["type"],
        place=tuple(place),
        labels=tuple(labels[:-1] if on_key else labels),
        value=error["input"],
        text=error["msg"],
        context=error.get("ctx", {}),
        missing=missing,
        on_key=on_key,
    )


def _settled(failures: Iterable[_Failure], level: int = 0) -> Iterator[list[_Failure]]:
    """Groups that are one fault each: a value that fits no member of a union fails once, not once for each member."""
    unions: dict[tuple[Loc, tuple[tuple[int, str], ...]], dict[str, list[_Failure]]] = {}
    for failure in failures:
        if len(failure.labels) <= level:
            yield [failure]
        else:
            length, label = failure.labels[level]
            members = unions.setdefault((failure.place[:length], failure.labels[:level]), {})
            members.setdefault(label, []).append(failure)
    for (place, _), members in unions.items():
        inside = [group for group in members.values() if all(len(item.at) > len(place) for item in group)]
        if inside:
            # the value has this member's shape, and only its parts are wrong
            fewest = min(len(group) for group in inside)
            yield from _settled(next(group for group in inside if len(group) == fewest), level + 1)
        else:
            here = [item for group in members.values() for item in group if item.at == place]
            yield [item for item in here if item.expectation is None][:1] or here


def _diagnostic(document: Document, model: type[BaseModel], group: list[_Failure]) -> Diagnostic:
    failure = group[0]
    hint, fix = "", None
    if failure.kind == "extra_forbidden":
        message, hint, close = _unknown_key(document.data, model, failure)
        fix = document.renaming(failure.place, close) if close else None
    else:
        message = _message(group)
    if failure.kind == "literal_error" and failure.place[-1:] == ("format",) and type(failure.value) is int:
        hint = "another version of Assay wrote this file; use that version or a newer one"
    on_key = failure.on_key or failure.kind == "extra_forbidden"
    position = document.key_position(failure.place) if on_key else document.position(failure.place)
    return Diagnostic.at(document.path, position, SCHEMA, message, hint=hint, fix=fix)


def _message(group: list[_Failure]) -> str:
    failure = group[0]
    if failure.missing is not None:
        return f"`{failure.missing}` is required"
    subject = f"key {_found(failure.place[-1])}" if failure.on_key and failure.place else _subject(failure.place)
    expectations = list(dict.fromkeys(item.expectation for item in group if item.expectation is not None))
    if expectations:
        return f"{subject} must be {' or '.join(expectations)}, found {_found(failure.value)}"
    return _constraint(failure, subject)


def _constraint(failure: _Failure, subject: str) -> str:
    kind, context, found = failure.kind, failure.context, _found(failure.value)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{subject} must be {words} {_found(context[name])[1:-1]}, found {found}"
    if kind in _LENGTHS:
        name, words, noun = _LENGTHS[kind]
        if kind.endswith("short") and not failure.value:
            return f"{subject} must not be empty"
        count = context[name]
        return f"{subject} must have {words} {count} {noun}{'' if count == 1 else 's'}, found {len(failure.value)}"
    if kind == "string_pattern_mismatch":
        if context["pattern"] == ID_PATTERN:
            return f"{subject} must be lower-case letters, digits and inner hyphens, at most 64, found {found}"
        return f"{subject} must match `{context['pattern']}`, found {found}"
    if kind == "union_tag_invalid":
        expected = _choices(str(context["expected_tags"]))
        return f"{context['discriminator']} must be {expected}, found `{context['tag']}`".replace("'", "`")
    if kind == "union_tag_not_found":
        return f"{context['discriminator']} is required".replace("'", "`")
    cause = context.get("error")
    text = str(cause) if isinstance(cause, Exception) else failure.text
    text = text[:1].lower() + text[1:]
    return f"{subject} {text}" if text.startswith("must ") else text


def _subject(place: Loc) -> str:
    if not place:
        return "the file"
    last = place[-1]
    return f"`{last}`" if isinstance(last, str) else f"item {last + 1} of {_subject(place[:-1])}"


def _choices(expected: str) -> str:
    """pydantic's `'a', 'b' or 'c'` as `one of ...`."""
    names = [name.strip("'") for name in re.findall(r"'[^']*'|[^\s,']+", expected) if name != "or"]
    listed = ", ".join(f"`{name}`" for name in names)
    return listed if len(names) == 1 else f"one of {listed}"


def _found(value: Any) -> str:
    """A value as it looks in a file, at most 40 characters."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return f"`{text}`" if len(text) <= 40 else f"`{text[:39]}…`"


def _unknown_key(data: Any, model: type[BaseModel], failure: _Failure) -> tuple[str, str, str]:
    """Message, hint, and the one key that must have been meant, if there is one."""
    key = str(failure.place[-1])
    for part in failure.place[:-1]:
        data = data[part]
    fields = [name for name in _fields(model, failure.place[:-1]) if name not in data]
    close = difflib.get_close_matches(key, fields, n=1)
    if close:
        return f"unknown key `{key}`; did you mean `{close[0]}`?", "", meant(key, fields)
    listed = ", ".join(f"`{name}`" for name in fields)
    return f"unknown key `{key}`", f"delete it; keys that can be added here: {listed}" if listed else "delete it", ""


def meant(name: str, known: Iterable[str]) -> str:
    """The only one of `known` that a misspelt name is close to; empty when there is none, or more than one."""
    close = difflib.get_close_matches(name, list(known), n=2)
    return close[0] if len(close) == 1 and difflib.get_close_matches(name, close, cutoff=0.8) else ""


def _fields(model: type[BaseModel], place: Loc) -> list[str]:
    """Keys that the records at `place` may have."""
    types: list[Any] = [model]
    for part in place:
        types = [child for item in types for kind in _members(item) for child in _children(kind, part)]
    found = (name for item in types for kind in _members(item) for name in _names(kind))
    return list(dict.fromkeys(found))


def _members(annotation: Any) -> Iterator[Any]:
    """The types that `annotation` stands for, without `Annotated` and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _names(kind: Any) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield field.alias or name


def _children(kind: Any, part: str | int) -> Iterator[Any]:
    arguments = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                yield field.annotation
    elif arguments:
        yield arguments[-1 if isinstance(part, str) else 0]
