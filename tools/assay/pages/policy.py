"""The content security policy of all pages: no script runs but the theme's and ours, nothing is fetched from elsewhere.

The theme's inline scripts differ with the depth of a page, so the one policy names the hashes of all of them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from assay.errors import UsageError

POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; worker-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; trusted-types assay"
)
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", re.S)
_CHARSET = re.compile(r'<meta charset="utf-8"\s*/?>', re.I)
_META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
_HASH = re.compile(r"'sha256-[^']+'")


def finalize(site: Path, pages: Mapping[str, str]) -> None:
    """Put one policy into every page of `site`: `pages` by path, and what else is there.

    Raises UsageError for a page without a character set.
    """
    files = {file.relative_to(site).as_posix(): file for file in sorted(site.rglob("*.html"))}
    texts = {path: pages[path] if path in pages else file.read_text(encoding="utf-8") for path, file in files.items()}
    found = sorted({digest for text in texts.values() for digest in scripts(text)})
    policy = POLICY.format(hashes=" ".join(found))
    for path, text in texts.items():
        (site / path).write_text(put(text, policy, path), encoding="utf-8")


def put(page: str, policy: str, name: str) -> str:
    """The page with the policy before anything that runs. Raises UsageError as above."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    sealed, places = _CHARSET.subn(lambda match: match.group() + meta, page, count=1)
    if not places:
        raise UsageError("page-without-charset", f"`{name}` has no <meta charset>", "use the Material theme")
    return sealed


def of(page: str) -> str | None:
    """The policy of a page that has one."""
    found = _META.search(page)
    return found[1] if found else None


def hashes(policy: str) -> frozenset[str]:
    """The inline scripts that a policy lets run."""
    return frozenset(_HASH.findall(policy))


def scripts(page: str) -> frozenset[str]:
    """The inline scripts of a page, as a policy names them."""
    return frozenset(_digest(body) for kind, body in _INLINE.findall(page) if "application/json" not in kind)


@lru_cache(256)
def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
