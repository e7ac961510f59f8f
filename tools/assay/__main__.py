"""The `assay` program, and `python -m assay`."""

from __future__ import annotations

import gc
import sys

_MANY = 50_000
"""New objects between two looks for garbage: a run makes much that it keeps, and hardly any cycles."""
_BRIEF = {"check", "site"}
"""Commands that read much, keep it all, and end: they never look."""


def run() -> None:
    """Run the command line in a process of its own, and leave without a last look at what is alive."""
    gc.set_threshold(0 if _BRIEF & {*sys.argv[1:2]} else _MANY)
    from assay.cli import main

    code = main()
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
