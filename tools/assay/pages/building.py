"""Runs MkDocs as a program and seals the result with a content security policy. MkDocs itself is never imported."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from assay import __version__
from assay.errors import EnvironmentMissingError, UsageError
from assay.pages.writer import DOCS

OUTPUT = "build/site"
CONFIGURATION = "mkdocs.yml"
STAMP = "assay-build.txt"
"""What the site in a folder was built from; MkDocs removes it when it builds there without us."""
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", re.S)
_CHARSET = re.compile(r'<meta charset="utf-8"\s*/?>', re.I)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; worker-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'"
)


def build(root: Path) -> str | None:
    """Build the site of the workspace at `root` into `build/site`, strictly; what MkDocs said when it refused.

    Nothing is done when nothing has changed since the last build.
    Raises UsageError without mkdocs.yml, EnvironmentMissingError without MkDocs or its theme.
    """
    command, state, stamp = _mkdocs(root), _state(root), root / OUTPUT / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == state:
        return None
    done = subprocess.run(
        [*command, "build", "--strict"],
        cwd=root,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        return done.stdout
    finalize(root / OUTPUT)
    stamp.write_text(state, encoding="utf-8")
    return None


def serve(root: Path) -> int:
    """Serve the site on 127.0.0.1 until interrupted; the exit code of MkDocs."""
    command = [*_mkdocs(root), "serve", "--dev-addr", "127.0.0.1:8000"]
    return subprocess.run(command, cwd=root, env=_environment(), check=False).returncode


def finalize(site: Path) -> None:
    """Put one policy into every page: no script runs but the theme's and ours, nothing is fetched from elsewhere.

    The theme's inline scripts differ with the depth of a page, so the policy names the hashes of all of them.
    """
    pages = {file: file.read_text(encoding="utf-8") for file in sorted(site.rglob("*.html"))}
    scripts = {
        body for page in pages.values() for kind, body in _INLINE.findall(page) if "application/json" not in kind
    }
    policy = _POLICY.format(hashes=" ".join(sorted(map(_digest, scripts))))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    for file, page in pages.items():
        sealed, places = _CHARSET.subn(lambda match: match.group() + meta, page, count=1)
        if not places:
            raise UsageError("page-without-charset", f"`{file.name}` has no <meta charset>", "use the Material theme")
        file.write_text(sealed, encoding="utf-8")


def _state(root: Path) -> str:
    """Hex SHA-256 over everything that goes into a build."""
    outer = hashlib.sha256(f"{_POLICY}\0{version('mkdocs-material')}\0{__version__}".encode())
    for file in [root / CONFIGURATION, *sorted((root / DOCS).rglob("*"))]:
        if file.is_file():
            inner = hashlib.sha256(file.read_bytes()).hexdigest()
            outer.update(f"{file.relative_to(root).as_posix()}\0{inner}\n".encode())
    return outer.hexdigest()


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _mkdocs(root: Path) -> list[str]:
    if not (root / CONFIGURATION).is_file():
        hint = "`assay init` in an empty folder writes one that you can copy"
        raise UsageError("no-mkdocs-configuration", f"there is no {CONFIGURATION} beside assay.toml", hint)
    for module in ("mkdocs", "material"):
        if find_spec(module) is None:
            hint = "pip install 'mkdocs-material>=9.7,<10'"
            raise EnvironmentMissingError("mkdocs-missing", f"the Python package `{module}` is not installed", hint)
    return [sys.executable, "-m", "mkdocs"]


def _environment() -> dict[str, str]:
    """Silences the theme's notice and fixes the dates, so that the same sources give the same bytes."""
    defaults = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true", "SOURCE_DATE_EPOCH": "315532800"}
    return defaults | dict(os.environ)
