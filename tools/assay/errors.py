"""Fatal problems: exceptions with an exit code and a hint. Problems in data are diagnostics, not exceptions.

This module imports nothing of the package.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to its caller."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    BUG = 3
    ENVIRONMENT = 4
    INTERRUPTED = 130


class FatalError(Exception):
    """Ends the command. `reference` is a stable kebab-case id that tests and people can search for."""

    code: ExitCode = ExitCode.USAGE

    def __init__(self, reference: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.reference = reference
        self.message = message
        self.hint = hint

    def render(self) -> str:
        """Message and hint as they appear on the terminal."""
        lines = [f"error {self.reference}: {self.message}"]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class UsageError(FatalError):
    """The command line asks for something that does not exist or cannot be done."""

    code = ExitCode.USAGE


class EnvironmentMissingError(FatalError):
    """A program or service of this machine is missing: Docker, git, MkDocs."""

    code = ExitCode.ENVIRONMENT
