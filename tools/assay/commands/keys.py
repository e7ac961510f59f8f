"""The option that names private keys, the same wherever something sealed is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def private_keys(option: str, why: str) -> Callable[[F], F]:
    """`option FILE`, once or more, as the parameter `keys`; `why` ends its help."""
    return click.option(
        option,
        "keys",
        metavar="FILE",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"A recipient's private key (age or ssh){why}",
    )
