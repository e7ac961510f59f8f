"""Runs MkDocs as a program, on no more than it has to render. MkDocs itself is never imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from assay.errors import EnvironmentMissingError, UsageError
from assay.pages import mending, policy, staging
from assay.pages.sources import CONFIGURATION, OUTPUT, STAMP, Sources
from assay.pages.writer import DOCS

_PROGRAM = (sys.executable, "-m", "mkdocs")


def build(root: Path) -> str | None:
    """Build the site of the workspace at `root` into `build/site`, strictly; what MkDocs said when it refused.

    Nothing is done when nothing has changed since the last build, and little when few pages have.
    Raises UsageError and EnvironmentMissingError as `require` does.
    """
    require(root)
    before = Sources.built(root)
    now = Sources.of(root, policy.POLICY, before)
    if now == before:
        return None
    plain = staging.is_plain((root / CONFIGURATION).read_text(encoding="utf-8"))
    if not plain or any(staging.is_hidden(path) or path.endswith("README.md") for path in now.pages):
        refusal = _directly(root)  # MkDocs renders READMEs as something else, or not at all
    else:
        refusal = _mended(root, before, now) if before else ""
        refusal = _wholly(root, now.files) if refusal == "" else refusal
        shutil.rmtree(root / staging.FOLDER, ignore_errors=True)
    if refusal is None:
        now.remember(root)
    return refusal


def serve(root: Path) -> int:
    """Serve the site on 127.0.0.1 until interrupted; the exit code of MkDocs."""
    require(root)
    command = [*_PROGRAM, "serve", "--dev-addr", "127.0.0.1:8000"]
    return subprocess.run(command, cwd=root, env=_environment(), check=False).returncode


def _directly(root: Path) -> str | None:
    """The whole tree as it is: where nobody knows what a page shows of other pages, or what becomes of a file."""
    refusal = mkdocs(root)
    if refusal is None:
        policy.finalize(root / OUTPUT, {})
    return refusal


def _wholly(root: Path, files: Collection[str]) -> str | None:
    """Every page, built beside the site and put into its place at the end."""
    docs = root / DOCS
    texts = {path: (docs / path).read_text(encoding="utf-8") for path in files if path.endswith(".md")}
    staged = staging.stage(root, texts, lambda path, anchors: "" if (docs / path).is_file() else None, navigated=False)
    refusal = mkdocs(root, "--config-file", f"{staging.FOLDER}/mkdocs.yml")
    if refusal is None:
        try:
            made = {staging.output(path): staged.page(path) for path in staged.pages}
        except LookupError:
            return _directly(root)
        mending.copy_files(docs, staged.site, [path for path in files if not path.endswith(".md")])
        policy.finalize(staged.site, made)
        shutil.rmtree(root / OUTPUT, ignore_errors=True)
        staged.site.rename(root / OUTPUT)
    return refusal


def _mended(root: Path, before: Sources, now: Sources) -> str | None:
    """Only the pages that have changed; empty, and nothing is done, where that is not enough."""
    changed = now.differing(before)
    pages = changed & now.pages
    if before.settings != now.settings or before.pages != now.pages or 2 * len(pages) > len(now.pages):
        return ""
    docs, site = root / DOCS, root / OUTPUT
    texts = {path: (docs / path).read_text(encoding="utf-8") for path in sorted(pages)}
    staged = staging.stage(root, texts, mending.stand_ins(docs, site))
    refusal = mkdocs(root, "--config-file", f"{staging.FOLDER}/mkdocs.yml") if pages else None
    if refusal is None:
        (site / STAMP).unlink()  # until the end the site is neither what it was nor what it will be
        refusal = None if mending.mend(site, docs, staged, changed) else ""
    return refusal


def mkdocs(root: Path, *options: str) -> str | None:
    """Build strictly; what MkDocs said when it refused."""
    done = subprocess.run(
        [*_PROGRAM, "build", "--strict", *options],
        cwd=root,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout if done.returncode else None


def require(root: Path) -> None:
    """Raises UsageError without mkdocs.yml, EnvironmentMissingError without MkDocs or its theme."""
    if not (root / CONFIGURATION).is_file():
        hint = "`assay init` in an empty folder writes one that you can copy"
        raise UsageError("no-mkdocs-configuration", f"there is no {CONFIGURATION} beside assay.toml", hint)
    for module in ("mkdocs", "material"):
        if find_spec(module) is None:
            hint = "pip install 'mkdocs-material>=9.7,<10'"
            raise EnvironmentMissingError("mkdocs-missing", f"the Python package `{module}` is not installed", hint)


def _environment() -> dict[str, str]:
    """Silences the theme's notice and fixes the dates, so that the same sources give the same bytes."""
    defaults = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true", "SOURCE_DATE_EPOCH": "315532800"}
    return defaults | dict(os.environ)
