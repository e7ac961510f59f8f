"""The `assay` program, and `python -m assay`."""

from __future__ import annotations

import gc
import sys

_MANY = 50_000
"""New objects between two looks for garbage: a run makes much that it keeps, and hardly any cycles."""


def run() -> None:
    """Run the command line in a process of its own, and leave without a last look at what is alive."""
    gc.set_threshold(_MANY)
    from assay.cli import main

    code = main()
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
