"""What an image really holds: its file system's digest, and answers or tests that the agent could find in it.

The built file system is read, not the Dockerfile: whatever way a file got there, the agent can get at it.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path, PurePosixPath

from assay.archives import shown
from assay.contents import content_hash
from assay.documents import read, validate
from assay.executors.docker import Engine
from assay.executors.filesystem import Entry, exported, filesystem_digest
from assay.executors.owners import scratch
from assay.images.leaks import PROGRAM, Secrets, inside
from assay.model.outcome import ImageFinding, ImageRecord, ImageScan
from assay.repository import GitError, blobs, commits_beyond_head, unreachable_objects
from assay.storage import as_json, write_whole
from assay.verification.preparation import Prepared

IMAGES = ".assay/images"
RECIPE = 2
"""Counted up when a scan would find something else in the same image."""
GIT_LIMIT = 256 * 1024 * 1024
"""Bytes of a repository's objects that are searched; whether all of them are reachable is asked of any size."""

_HISTORY = re.compile(r"(?:^|/)\.(?:bash|ash|zsh|sh|python|sqlite|psql|mysql|node_repl)_history$")
_GIT = re.compile(
    r"((?:.*/)?[^/]*\.git(?:/modules/.+?)?)/"
    r"(HEAD|index|packed-refs|shallow|refs/.+|objects/(?:[0-9a-f]{2}/[0-9a-f]+|pack/[^/]+\.(?:pack|idx)))"
)
"""A repository and what is read of it. Its configuration, hooks and pointers to other places are not."""
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_PACKAGE_FILES = re.compile(r"var/lib/dpkg/(?:info/[^/]+\.list|status)|.*\.dist-info/(?:RECORD|direct_url\.json)")


def scan(engine: Engine, prepared: Prepared, root: Path) -> ImageScan:
    """Read the whole file system of the task's image once; the result is kept below `root` for as long as it is true.

    Raises EngineError.
    """
    image, folder = prepared.image.record, prepared.task.folder
    kept = root / IMAGES / f"{_short(image.id)}-{content_hash(folder)[:16]}-{RECIPE}.json"
    document, _ = read(kept, kept.name) if kept.is_file() else (None, [])
    known = validate(document, ImageScan)[0] if document else None
    if known:
        return known
    with scratch() as space, exported(engine, image.id) as entries:
        found = Scanned(Secrets(folder), space)
        for entry in entries:
            found.take(entry)
        findings = found.findings()
    listing = "\n".join([*(f"package {name}" for name in sorted(found.packages)), *sorted(found.lines)])
    write_whole(_listing(root, image.id), gzip.compress(listing.encode("utf-8", "surrogateescape"), 1, mtime=0))
    result = ImageScan(
        format=1,
        image=image.id,
        filesystem_sha256=filesystem_digest(found.lines),
        entries=len(found.lines),
        bytes=found.size,
        packages=len(found.packages),
        findings=sorted(findings, key=lambda item: (item.path, item.rule, item.message)),
        unread=sorted(found.unread),
    )
    write_whole(kept, as_json(result))
    return result


class Scanned:
    """What one pass over a file system has shown so far."""

    def __init__(self, secrets: Secrets, space: Path) -> None:
        self.lines: list[str] = []
        self.packages: set[str] = set()
        self.unread: list[str] = []
        """What could not be searched, and why."""
        self.size = 0
        self._secrets, self._space = secrets, space
        self._found: list[ImageFinding] = []
        self._owned: set[str] = set()
        self._records: dict[str, str] = {}
        self._local: set[str] = set()
        self._repositories: dict[str, Path] = {}

    def take(self, entry: Entry) -> None:
        """Look at the next entry."""
        if inner := _GIT.fullmatch(entry.path):
            self._put_aside(entry, inner[1], inner[2])
        elif entry.size:
            content = entry.content()
            if content is None:
                self._too_large(entry)
            else:
                self._search(entry.path, content)
        if entry.lasting:
            self.lines.append(entry.line)
        self.size += entry.size
        if entry.path.endswith(".dist-info"):
            self.packages.add(f"python {PurePosixPath(entry.path).stem}")

    def _search(self, path: str, content: bytes) -> None:
        if _PACKAGE_FILES.fullmatch(path):
            self._installed(path, content)
        if _HISTORY.search(path):
            message = "the history of a shell, which shows how the image was made"
            self._found.append(ImageFinding(rule="image-shell-history", path=f"/{shown(path)}", message=message))
        self._found += self._secrets.look(shown(path), content)
        for name, inner in inside(shown(path), content):
            if inner is None:
                self.unread.append(f"/{name}: too large when unpacked")
            else:
                self._found += self._secrets.look(name, inner)

    def _too_large(self, entry: Entry) -> None:
        program = next(entry.pieces(), b"").startswith(PROGRAM)
        if not program and not entry.path.startswith("var/cache/apt/"):
            self.unread.append(f"/{shown(entry.path)}: {entry.size // 1024 // 1024} MiB")

    def _installed(self, path: str, content: bytes) -> None:
        """What packages own cannot be the task's, unless one was installed from a folder of the image itself."""
        text, folder = content.decode("utf-8", "replace"), str(PurePosixPath(path).parent)
        if path.endswith(".list"):
            self._owned |= {_plain(line) for line in text.splitlines()}
        elif path.endswith("status"):
            self.packages |= set(_debian(text))
        elif path.endswith("RECORD"):
            self._records[folder] = text
        else:
            self._local.add(folder)

    def findings(self) -> list[ImageFinding]:
        """What the agent must not find; to be asked for once, after the last entry."""
        for info, record in self._records.items():
            base = PurePosixPath(info).parent
            names = record.splitlines() if info not in self._local else ()
            self._owned |= {_plain(str(base / line.split(",")[0])) for line in names}
        self._found = [item for item in self._found if _plain(item.path.partition("!")[0]) not in self._owned]
        for place, folder in sorted(self._repositories.items()):
            try:
                self._found += self._of_repository(place, folder)
            except GitError as error:
                self.unread.append(f"/{place}: {error}".splitlines()[0])
        return self._found

    def _put_aside(self, entry: Entry, place: str, inner: str) -> None:
        """Keep a file of a git repository for a look at the whole; links are not made, so nothing leads elsewhere."""
        folder = self._repositories.setdefault(shown(place), self._space / str(len(self._repositories)) / ".git")
        if entry.size and ".." not in inner.split("/"):
            target = folder / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(entry.pieces())

    def _of_repository(self, place: str, folder: Path) -> Iterator[ImageFinding]:
        if not (folder / "HEAD").is_file():
            return
        for name in ("objects", "refs"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "config").write_text(_CONFIG, encoding="utf-8")
        if hidden := unreachable_objects(folder):
            message = f"objects that no branch leads to: {len(hidden)}; removed files can be read from them"
            yield ImageFinding(rule="image-git-history", path=f"/{place}", message=message)
        if beyond := commits_beyond_head(folder):
            subject = "one commit is" if len(beyond) == 1 else f"{len(beyond)} commits are"
            message = f"{subject} not in the history of HEAD, but in that of another branch or a tag"
            yield ImageFinding(rule="image-git-history", path=f"/{place}", message=message)
        for name, content in blobs(folder, GIT_LIMIT):
            yield from self._secrets.look(f"{place}!{name}", content)


def _plain(path: str) -> str:
    """A path under which a file is found whether /lib is a folder or a link to /usr/lib."""
    return path.removeprefix("/").removeprefix("usr/")


def _debian(status: str) -> Iterator[str]:
    for block in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            yield f"{fields['Package']} {fields.get('Version', '')}"


def drift(recorded: ImageRecord, now: ImageRecord, root: Path) -> str:
    """How the image that runs now differs from the recorded one, in a sentence; empty when it is the same.

    Paths and packages are named when both images were scanned below `root`.
    """
    if recorded.id == now.id:
        return ""
    if recorded.layers == now.layers:
        return "rebuilt: another image id, the same layers"
    if recorded.filesystem_sha256 and recorded.filesystem_sha256 == now.filesystem_sha256:
        return "rebuilt: another image id, the same files"
    if recorded.filesystem_sha256 and now.filesystem_sha256:
        changed = _changed(root, recorded.id, now.id)
        return f"not comparable: the files differ{f' ({changed})' if changed else ''}"
    pairs = zip(recorded.layers, now.layers, strict=False)
    equal = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    where = f"different from layer {equal + 1} of {len(now.layers)} on" if equal else "with no layer in common"
    context = "the same build context" if recorded.context_sha256 == now.context_sha256 else "another build context"
    why = "this one was not scanned" if recorded.filesystem_sha256 else "no digest was recorded"
    return f"another image from {context}, {where}; its files cannot be compared: {why}"


def _changed(root: Path, before: str, after: str, limit: int = 10) -> str:
    """The packages and paths in which two images differ, when both were scanned on this machine."""
    files = [_listing(root, image) for image in (before, after)]
    if not all(file.is_file() for file in files):
        return ""
    a, b = (set(gzip.decompress(file.read_bytes()).decode("utf-8", "surrogateescape").split("\n")) for file in files)
    names = {shown(line.partition("\0")[0]) for line in a ^ b}
    ordered = sorted(names, key=lambda name: (not name.startswith("package "), name))
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(ordered[:limit]) + more


def _listing(root: Path, image: str) -> Path:
    return root / IMAGES / f"{_short(image)}.txt.gz"


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:16]
