"""Errors that the command line turns into a message instead of a traceback."""


class LedgerError(Exception):
    """Base of everything a user can cause."""


class BatchError(LedgerError):
    """A batch file, or one row of it, cannot be used."""

    def __init__(self, message, line=None):
        super().__init__(message)
        self.line = line

    def __str__(self):
        text = super().__str__()
        return text if self.line is None else f"line {self.line}: {text}"
