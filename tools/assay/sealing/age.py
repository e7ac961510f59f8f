"""Files that only chosen people can open (age-encryption.org/v1), and the keys that they hold: age's, or ssh's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from assay.errors import UsageError

if TYPE_CHECKING:
    from pyrage import ssh, x25519

    PublicKey: TypeAlias = ssh.Recipient | x25519.Recipient


def public_keys(texts: Iterable[str], where: str) -> list[PublicKey]:
    """The keys that `texts` are, each once. Raises UsageError, which says `where` they stand, for what is none."""
    return [_public(text, where) for text in dict.fromkeys(texts)]


def encrypt(content: bytes, recipients: Sequence[PublicKey], least: int, *, armoured: bool = False) -> bytes:
    """An age file of `content`, padded with blanks to `least` bytes or a power of two times as many."""
    import pyrage

    size = least
    while size < len(content):
        size *= 2
    return bytes(pyrage.encrypt(content.ljust(size), list(recipients), armored=armoured))


def decrypt(content: bytes, keys: Sequence[Path], path: str, listed: str, option: str = "--key") -> bytes:
    """What an age file holds, with its padding. Raises UsageError when no key opens it, or it is damaged.

    `listed` says where its recipients are named, `option` how a key is.
    """
    import pyrage

    private = [key for file in keys for key in _private(file)]
    try:
        return bytes(pyrage.decrypt(content, private))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error) or not private:
            named = ", ".join(map(str, keys)) or "no key"
            hint = f"name a recipient's private key with `{option}`; {listed}"
            raise UsageError("wrong-key", f"{path}: {named} does not open it", hint) from None
        raise UsageError("seal-damaged", f"{path} is damaged: {error}", "restore the file from git") from None


def _private(file: Path) -> list[Any]:
    """The private keys in a file: age identities, one in a line, or one ssh key."""
    import pyrage

    try:
        content = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise UsageError("key-unreadable", f"{file}: must be a readable file; {reason}") from None
    try:
        if b"AGE-SECRET-KEY-" in content:
            lines = content.decode("ascii", "replace").split()
            return [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        return [pyrage.ssh.Identity.from_buffer(content)]
    except pyrage.IdentityError as error:
        hint = "give the private half, of age or of ssh (ed25519, RSA)"
        if "decrypted first" in str(error):
            hint = f"it has a passphrase; open a copy of it: `cp {file} KEY; ssh-keygen -p -N '' -f KEY`"
        raise UsageError("key-unreadable", f"{file}: must be a private key: {error}", hint) from None


def _public(text: str, where: str) -> PublicKey:
    import pyrage

    try:
        if text.startswith("age1"):
            return pyrage.x25519.Recipient.from_str(text)
        return pyrage.ssh.Recipient.from_str(" ".join(text.split()))
    except pyrage.RecipientError as error:
        hint = "an age key starts with `age1`, an ssh key with `ssh-ed25519` or `ssh-rsa`; give the public half"
        found = re.sub(r"\s+", " ", text)[:40]
        raise UsageError("bad-recipient", f"{where} holds `{found}…`: {error}", hint) from None
