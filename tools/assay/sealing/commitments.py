"""Salted commitments to identities: promised when a trajectory is published, checked when its maker is named.

SHA-256 throughout, ids in UTF-8, HMAC-SHA256 (RFC 2104). The salt is drawn from a key of the task, so that publishing
this one key opens all of the task and nothing of another.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from assay.model.identity import Identity
from assay.model.sealed import Opening

_DOMAIN = b"assay/identity/v1\0"


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: keys in order of code points, no blanks, UTF-8. Raises TypeError for floats."""
    return json.dumps(_exact(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _exact(value: Any) -> Any:
    if value is None or isinstance(value, str | int):  # bool is an int
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical text")


def task_key(key: bytes, task: str) -> bytes:
    """A task's key, 32 bytes, from the key of a study."""
    return hmac.digest(key, f"task\0{task}".encode(), sha256)


def commitment(key: bytes, alias: str, identity: Mapping[str, Any]) -> str:
    """Hex digest that binds `identity` to `alias`; `key` is the task's."""
    salt = hmac.digest(key, f"salt\0{alias}".encode(), sha256)
    return sha256(_DOMAIN + salt + canonical(identity)).hexdigest()


def promised(key: str, identities: Mapping[str, Identity]) -> dict[str, str]:
    """The commitments of a task by alias; `key` is the task's, in hex."""
    return {
        alias: commitment(bytes.fromhex(key), alias, identity.model_dump(mode="json"))
        for alias, identity in sorted(identities.items())
    }


def broken(opening: Opening, commitments: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is opened but was not promised so, or was promised but not opened: alias, and what is wrong."""
    computed = promised(opening.key, opening.identities)
    for alias, digest in computed.items():
        if alias not in commitments:
            yield alias, f"the identity of `{alias}` was never committed to"
        elif digest != commitments[alias]:
            other = _owner(opening, alias, commitments)
            which = f"it is that of `{other}`" if other else "one of the two was changed"
            yield alias, f"the identity of `{alias}` is not the one committed to; {which}"
    for alias in commitments.keys() - computed.keys():
        yield alias, f"the identity of `{alias}` was committed to and is not in the opened map"


def _owner(opening: Opening, alias: str, commitments: Mapping[str, str]) -> str | None:
    """The alias under which this identity would be the promised one."""
    identity, key = opening.identities[alias].model_dump(mode="json"), bytes.fromhex(opening.key)
    return next((name for name, digest in commitments.items() if commitment(key, name, identity) == digest), None)
