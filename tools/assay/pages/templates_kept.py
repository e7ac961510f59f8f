"""A hook of MkDocs (its `hooks` setting): templates of the theme are compiled once on a machine, not every time."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache


def on_env(env: Environment, **_: Any) -> Environment:
    """Lets Jinja keep what it compiled in the folder that it makes for this user alone; without one, as before."""
    try:
        env.bytecode_cache = FileSystemBytecodeCache()
    except (OSError, RuntimeError):  # somebody else's folder has the name
        return env
    return env
