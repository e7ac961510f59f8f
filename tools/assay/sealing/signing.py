"""Signatures over seals, made and checked by `ssh-keygen -Y`: they outlive squashing and rebasing, commits' do not."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from assay.errors import EnvironmentMissingError, UsageError

NAMESPACE = "annotation"
SUFFIX = ".sig"


def sign(content: bytes, key: Path) -> bytes:
    """The signature of `content`; may ask for the key's passphrase. Raises UsageError."""
    if not key.is_file():
        raise UsageError("key-unreadable", f"{key}: must be a private ssh key; there is no such file")
    done = _keygen(["-Y", "sign", "-f", str(key), "-n", NAMESPACE], content)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        hint = "give the private half of one of your `signing_keys` in annotations/people.yaml"
        raise UsageError("not-signed", f"{key} does not sign: {reason}; nothing was written", hint)
    return done.stdout


def is_signed(content: bytes, signature: Path, handle: str, keys: Sequence[str]) -> bool:
    """Whether `signature` is one of `content` by one of these public keys."""
    with tempfile.NamedTemporaryFile("w", prefix="assay-", suffix=".signers") as allowed:
        # a key with a line break in it would be a second line
        allowed.writelines(f'{handle} namespaces="{NAMESPACE}" {" ".join(key.split())}\n' for key in keys)
        allowed.flush()
        wanted = ["-Y", "verify", "-f", allowed.name, "-I", handle, "-n", NAMESPACE, "-s", str(signature)]
        return _keygen(wanted, content).returncode == 0


def _keygen(arguments: Sequence[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=content, capture_output=True, check=False)
    except OSError as error:
        message = "the `ssh-keygen` program must be on PATH; it was not found"
        raise EnvironmentMissingError(
            "ssh-keygen-missing", message, "install OpenSSH's client and try again"
        ) from error
