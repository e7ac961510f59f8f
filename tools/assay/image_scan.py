"""What an image really holds: its file system's digest, and answers or tests that the agent could find in it.

The built file system is read, not the Dockerfile: whatever way a file got there, the agent can get at it.
"""

from __future__ import annotations

import ast
import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from assay.contents import content_hash
from assay.documents import read, validate
from assay.executors.docker import Engine
from assay.executors.filesystem import Entry, exported, filesystem_digest
from assay.executors.owners import scratch
from assay.model.outcome import ImageFinding, ImageRecord, ImageScan
from assay.preparation import Prepared
from assay.repository import GitError, commits_beyond_head, unreachable_objects
from assay.storage import as_json, write_whole

IMAGES = ".assay/images"
LINE = 40
"""Bytes that make a line telling; shorter ones are idioms."""
LINES = 4
"""Telling lines of one hidden file that make a copy of a part of it; a file with fewer needs all of them."""
NESTED_LIMIT = 32 * 1024 * 1024
"""Bytes that are unpacked from one archive in the image."""
_HISTORY = re.compile(r"(?:^|/)\.(?:bash|ash|zsh|python|sqlite|psql|node_repl)_history$")
_ARCHIVE = (".zip", ".whl", ".jar", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".gz")
_TEST = re.compile(rb"^\s*(?:async )?def test_|^\s*assert[ (]|unittest|/logs/verifier", re.MULTILINE)


@dataclass(frozen=True)
class Hidden:
    """The task's files that no agent may see, and how parts of them are known again."""

    whole: Mapping[bytes, str]
    """Path in the task by content."""
    lines: Mapping[bytes, frozenset[str]]
    """The hidden files that hold a telling line."""
    needed: Mapping[str, int]
    """How many of its telling lines give a hidden file away."""
    constants: Mapping[str, frozenset[bytes]]
    """Long strings of hidden Python files by the stem of their names, as compiled files hold them."""


@dataclass
class _Found:
    findings: list[ImageFinding] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    size: int = 0


def scan(engine: Engine, prepared: Prepared, root: Path) -> ImageScan:
    """Read the whole file system of the task's image once; the result is kept below `root` for as long as it is true.

    Raises EngineError.
    """
    image, folder = prepared.image.record, prepared.task.folder
    kept = root / IMAGES / f"{_short(image.id)}-{content_hash(folder)[:16]}.json"
    document, _ = read(kept, kept.name) if kept.is_file() else (None, [])
    known = validate(document, ImageScan)[0] if document else None
    if known:
        return known
    hidden, found = hidden_files(folder), _Found()
    with scratch() as space, exported(engine, image.id) as entries:
        for entry in entries:
            _take(entry, hidden, found, space)
        found.findings += _of_repositories(space)
    write_whole(
        _listing(root, image.id),
        gzip.compress(
            "\n".join([*_packages(found), *sorted(found.lines)]).encode("utf-8", "surrogateescape"), 1, mtime=0
        ),
    )
    result = ImageScan(
        format=1,
        image=image.id,
        filesystem_sha256=filesystem_digest(found.lines),
        entries=len(found.lines),
        bytes=found.size,
        packages=len(found.packages),
        findings=sorted(found.findings, key=lambda item: (item.path, item.rule, item.message)),
    )
    write_whole(kept, as_json(result))
    return result


def hidden_files(folder: Path) -> Hidden:
    """What the agent of the task in `folder` must not find: tests, truth and solutions that it is not given openly."""
    given = [file.read_bytes() for file in _files(folder, "environment", "steps/*/workdir")]
    told = [file.read_bytes() for file in (*folder.glob("instruction.md"), *folder.glob("steps/*/instruction.md"))]
    secret = [file.read_bytes() for file in _files(folder, "tests", "steps/*/tests")]
    openly = [content for content in (*given, *told) if content not in secret]
    open_lines = {line for content in openly for line in telling(content)}
    whole: dict[bytes, str] = {}
    lines: defaultdict[bytes, set[str]] = defaultdict(set)
    needed, constants = {}, {}
    for file in _files(folder, "tests", "solution", "steps/*/tests", "steps/*/solution"):
        content, path = file.read_bytes(), file.relative_to(folder).as_posix()
        # A solution repeats files of the image that it leaves alone, and tests keep pristine copies of some.
        if len(content) < LINE or (content in given and not (_is_test(path) and _TEST.search(content))):
            continue
        whole[content] = path
        own = set(telling(content)) - open_lines
        for line in own:
            lines[line].add(path)
        if own:
            needed[path] = min(LINES, len(own))
        if file.suffix == ".py":
            constants[file.stem] = frozenset(_constants(content))
    return Hidden(whole, {line: frozenset(paths) for line, paths in lines.items()}, needed, constants)


def telling(content: bytes) -> Iterator[bytes]:
    """The lines of a text that are long enough to tell one file from all others, without their indentation."""
    if b"\0" not in content[:8192]:
        yield from (line for raw in content.split(b"\n") if len(line := raw.strip()) >= LINE)


def _take(entry: Entry, hidden: Hidden, found: _Found, space: Path) -> None:
    found.lines.append(entry.line)
    found.size += entry.size
    name = PurePosixPath(entry.path).name
    if name.endswith(".dist-info"):
        found.packages.add(f"python {name.removesuffix('.dist-info')}")
    if entry.content is None:
        return
    if entry.path == "var/lib/dpkg/status":
        found.packages |= set(_debian(entry.content))
    if ".git/" in entry.path or entry.path.startswith(".git/"):
        _put_aside(entry, space)
    if entry.content and _HISTORY.search(entry.path):
        message = "the image holds the history of a shell, which shows how it was made"
        found.findings.append(ImageFinding(rule="image-shell-history", path=f"/{entry.path}", message=message))
    for path, content in ((entry.path, entry.content), *_nested(entry)):
        found.findings += _leaks(path, content, hidden)


def _leaks(path: str, content: bytes, hidden: Hidden) -> Iterator[ImageFinding]:
    if content in hidden.whole:
        yield _leak(hidden.whole[content], path, "is in the image as it is")
        return
    if path.endswith(".pyc"):
        stem = PurePosixPath(path).name.partition(".")[0]
        known = hidden.constants.get(stem, frozenset())
        if known and sum(constant in content for constant in known) * 2 > len(known):
            yield _leak(f"{stem}.py", path, "is in the image in compiled form")
        return
    seen: defaultdict[str, set[bytes]] = defaultdict(set)
    for line in telling(content) if hidden.lines else ():
        for hidden_path in hidden.lines.get(line, ()):
            seen[hidden_path].add(line)
    for hidden_path, lines in sorted(seen.items()):
        if len(lines) >= hidden.needed[hidden_path]:
            yield _leak(hidden_path, path, f"is in the image in part ({len(lines)} of its lines)")


def _leak(hidden: str, path: str, how: str) -> ImageFinding:
    rule = "image-holds-solution" if "solution" in PurePosixPath(hidden).parts else "image-holds-tests"
    return ImageFinding(rule=rule, path=f"/{path}", message=f"`{hidden}` {how}")


def _nested(entry: Entry) -> Iterator[tuple[str, bytes]]:
    """Files inside an archive, by the archive's path and their own; a damaged archive ends early."""
    if entry.content is None or not entry.path.lower().endswith(_ARCHIVE):
        return
    left = NESTED_LIMIT
    try:
        for name, content in _unpacked(entry.path.lower(), entry.content):
            left -= len(content)
            if left < 0:
                return
            yield f"{entry.path}!{name}", content
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RuntimeError):
        return


def _unpacked(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if path.endswith((".zip", ".whl", ".jar")):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    yield info.filename, file.read(NESTED_LIMIT + 1)
    elif path.endswith(".gz") and not path.endswith(".tar.gz"):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            yield PurePosixPath(path).stem, file.read(NESTED_LIMIT + 1)
    else:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                opened = tar.extractfile(member) if member.isreg() else None
                if opened:
                    yield member.name, opened.read(NESTED_LIMIT + 1)


def _put_aside(entry: Entry, space: Path) -> None:
    """Keep a file of a git repository for a look at the whole; links are not made, so nothing leads out of `space`."""
    inner = PurePosixPath(entry.path)
    if ".." not in inner.parts and entry.content is not None:
        target = space / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(entry.content)


def _of_repositories(space: Path) -> Iterator[ImageFinding]:
    for head in sorted(space.rglob(".git/HEAD")):
        folder = head.parent
        (folder / "objects").mkdir(exist_ok=True)
        (folder / "refs").mkdir(exist_ok=True)
        place = f"/{folder.relative_to(space).as_posix()}"
        try:
            hidden, beyond = unreachable_objects(folder), commits_beyond_head(folder)
        except GitError:
            continue
        if hidden:
            message = f"objects that no branch leads to: {len(hidden)}; removed files can be read from them"
            yield ImageFinding(rule="image-git-history", path=place, message=message)
        if beyond:
            counted = "one commit is" if len(beyond) == 1 else f"{len(beyond)} commits are"
            message = f"{counted} not in the history of HEAD, but in that of another branch or a tag"
            yield ImageFinding(rule="image-git-history", path=place, message=message)


def drift(recorded: ImageRecord, now: ImageRecord, root: Path) -> str:
    """How the image that runs now differs from the recorded one, in a sentence; empty when it is the same."""
    if recorded.id == now.id:
        return ""
    if recorded.filesystem_sha256 and recorded.filesystem_sha256 == now.filesystem_sha256:
        return "rebuilt: another image id, the same files"
    if recorded.filesystem_sha256 and now.filesystem_sha256:
        changed = _changed(root, recorded.id, now.id)
        return f"not comparable: the files differ{f' ({changed})' if changed else ''}"
    base = next(
        (n for n, pair in enumerate(zip(recorded.layers, now.layers, strict=False)) if pair[0] != pair[1]), None
    )
    where = f"from layer {base + 1} of {len(now.layers)} on" if base is not None else "in the number of layers"
    context = "the same build context" if recorded.context_sha256 == now.context_sha256 else "another build context"
    return f"another image from {context}, different {where}; its files cannot be compared: no digest was recorded"


def _changed(root: Path, before: str, after: str, limit: int = 10) -> str:
    """The paths and packages in which two images differ, when both were scanned on this machine."""
    files = [_listing(root, image) for image in (before, after)]
    if not all(file.is_file() for file in files):
        return ""
    a, b = (set(gzip.decompress(file.read_bytes()).decode("utf-8", "surrogateescape").split("\n")) for file in files)
    names = sorted({line.partition("\0")[0].encode("utf-8", "backslashreplace").decode() for line in a ^ b})
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _listing(root: Path, image: str) -> Path:
    return root / IMAGES / f"{_short(image)}.txt.gz"


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:16]


def _packages(found: _Found) -> Sequence[str]:
    return sorted(f"package {name}" for name in found.packages)


def _debian(status: bytes) -> Iterator[str]:
    for block in status.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            yield f"{fields['Package']} {fields.get('Version', '')}"


def _files(folder: Path, *patterns: str) -> Iterator[Path]:
    for pattern in patterns:
        for base in sorted(folder.glob(pattern)):
            yield from sorted(file for file in base.rglob("*") if file.is_file())


def _is_test(path: str) -> bool:
    return "solution" not in PurePosixPath(path).parts


def _constants(content: bytes) -> Iterator[bytes]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= 20:
            yield node.value.encode("utf-8", "surrogatepass")
