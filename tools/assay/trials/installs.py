"""An agent's program: a folder of this machine, or one that its install commands fill once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from assay.errors import EnvironmentMissingError, UsageError
from assay.model.agents import AgentSettings

PLACE = ".assay/agents"
_PASSED_ON = ("PATH", "LANG", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Variables of this machine that an install step sees, beside those that configure npm and pip."""


def provide(root: Path, name: str, settings: AgentSettings) -> Path | None:
    """The folder that becomes /opt/agent; None when the agent needs none.

    Raises UsageError for a folder that is not there, EnvironmentMissingError when the install commands fail.
    """
    if settings.folder:
        folder = root / Path(settings.folder).expanduser()
        if not folder.is_dir():
            raise UsageError("no-agent-folder", f"`folder` of agent `{name}` is not there: {folder}")
        return folder.resolve()
    if not settings.install:
        return None
    digest = hashlib.sha256("\0".join(settings.install).encode()).hexdigest()[:12]
    place = (root / PLACE).resolve()
    target = place / f"{name}-{digest}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _install(name, settings, place, target)
    return target


def _install(name: str, settings: AgentSettings, place: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=place) as scratch:
        made, home = Path(scratch, "made"), Path(scratch, "home")
        made.mkdir()
        home.mkdir()
        kept = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        kept |= {key: value for key, value in os.environ.items() if key.lower().startswith(("npm_config_", "pip_"))}
        for known in (".npmrc", ".config/pip"):  # where npm and pip are told of another registry
            source = Path.home() / known
            if source.exists():
                (home / known).parent.mkdir(parents=True, exist_ok=True)
                (home / known).symlink_to(source)
        done = subprocess.run(
            ["bash", "-euc", "\n".join(settings.install)],
            cwd=made,
            env={**kept, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            end = "\n".join(done.stdout.strip().splitlines()[-8:])
            message = f"agent `{name}` was not installed: the commands ended with exit {done.returncode}\n{end}"
            raise EnvironmentMissingError("agent-not-installed", message, "correct `install` in assay.toml")
        shutil.move(made, target)
