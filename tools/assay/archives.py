"""Files that cross the border of a container, as tar archives.

What comes out of an agent's container is hostile: only regular files and directories below the named path go on, links
and devices are dropped and named. Nothing is ever written through a link.
"""

from __future__ import annotations

import fnmatch
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from assay.model.task import Artifact

UNTRACKED = (".git", "__pycache__", ".pytest_cache", "*.pyc")
"""Names that are left out of patches: caches and git's own files."""


def shown(name: str) -> str:
    """A file name as text, whatever its bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def absolute(path: str, workdir: str) -> PurePosixPath:
    """A path of a container; relative ones start in its work directory."""
    return PurePosixPath(workdir) / path


def select(artifacts: Iterable[Artifact], taken: Mapping[str, Path | None], workdir: str, into: Path) -> list[str]:
    """Write what a verifier may see of the declared artifacts to the tar file `into`.

    `taken` holds each artifact's own tar file by absolute path, as an engine hands it out. Returns what did not pass:
    missing paths, links, devices, and names that would leave the artifact.
    """
    rejected = []
    with tarfile.open(into, "w", format=tarfile.PAX_FORMAT) as output:
        for artifact in artifacts:
            base = absolute(artifact.source, workdir)
            source = taken.get(str(base))
            if source is None:
                rejected.append(f"{base}: missing")
                continue
            with tarfile.open(source) as archive:
                rejected += _copy(archive, base, artifact.exclude, output)
    return rejected


def _copy(archive: tarfile.TarFile, base: PurePosixPath, exclude: list[str], output: tarfile.TarFile) -> Iterator[str]:
    for member in archive:
        inner = PurePosixPath(*PurePosixPath(member.name).parts[1:])  # the first part repeats the base's own name
        path = base / inner
        if any(fnmatch.fnmatch(part, pattern) for pattern in exclude for part in (*inner.parts, str(inner))):
            continue
        if member.name.startswith("/") or ".." in PurePosixPath(member.name).parts:
            yield f"{shown(member.name)}: leaves the artifact"
        elif not (member.isreg() or member.isdir()):
            yield f"{shown(str(path))}: {_kind(member)}"
        else:
            plain = tarfile.TarInfo(str(path).lstrip("/"))
            plain.type = tarfile.DIRTYPE if member.isdir() else tarfile.REGTYPE
            plain.mode = member.mode & 0o777  # without setuid, setgid and sticky
            plain.size, plain.mtime = member.size if member.isreg() else 0, int(member.mtime)
            plain.uid, plain.gid = member.uid, member.gid
            output.addfile(plain, archive.extractfile(member) if member.isreg() else None)


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym():
        return f"symbolic link to {shown(member.linkname)}"
    return "hard link" if member.islnk() else "not a plain file"


def read_members(archive: Path, limit: int = 8 * 1024 * 1024) -> dict[str, bytes]:
    """The plain files directly in the archive's root folder, by name; files above `limit` bytes are left out."""
    files = {}
    with tarfile.open(archive) as source:
        for member in source:
            parts = PurePosixPath(member.name).parts
            content = source.extractfile(member) if member.isreg() and len(parts) == 2 else None
            if content is not None and member.size <= limit:
                files[parts[1]] = content.read()
    return files


@dataclass(frozen=True)
class WorkTree:
    """A container's work directory, unpacked on the host below `root`."""

    root: Path
    workdir: str
    members: Mapping[str, tarfile.TarInfo]
    """Owner and full mode of each path, which the host's files may not carry."""
    left_out: tuple[str, ...]
    """Hard links became plain files; devices and other special files are named here."""

    def contains(self, path: PurePosixPath) -> bool:
        """Whether an absolute container path lies in this tree."""
        return path.is_relative_to(self.workdir)

    def archive(self, path: PurePosixPath, into: Path) -> Path | None:
        """Store an absolute container path as a tar file, the way an engine would; None when it is not there."""
        relative = path.relative_to(self.workdir)
        start = self.root / relative
        if not os.path.lexists(start) or any((self.root / parent).is_symlink() for parent in relative.parents):
            return None
        with tarfile.open(into, "w", format=tarfile.PAX_FORMAT) as output:
            for file in (start, *sorted(_below(start))):
                output_name = PurePosixPath(path.name or "root") / file.relative_to(start).as_posix()
                self._add(output, file, str(output_name))
        return into

    def _add(self, output: tarfile.TarFile, file: Path, name: str) -> None:
        info = output.gettarinfo(str(file), name)
        original = self.members.get(file.relative_to(self.root).as_posix())
        info.uid, info.gid = (original.uid, original.gid) if original else (0, 0)
        info.uname = info.gname = ""
        executable = info.mode & stat.S_IXUSR
        usual = 0o755 if info.isdir() or executable else 0o644
        kept = original is not None and (info.isdir() or bool(original.mode & stat.S_IXUSR) == bool(executable))
        info.mode = original.mode if original and kept else usual
        if info.islnk():  # gettarinfo notices links between files; these are separate files to us
            info.type, info.size, info.linkname = tarfile.REGTYPE, file.stat().st_size, ""
        if info.isreg():
            with file.open("rb") as content:
                output.addfile(info, content)
        else:
            output.addfile(info)


def _below(folder: Path) -> Iterator[Path]:
    if folder.is_dir() and not folder.is_symlink():
        for path, folders, files in os.walk(folder):
            yield from (Path(path) / name for name in (*folders, *files))


def untracked(path: str) -> bool:
    """Whether a path of a work tree is a cache or git's own, and left out of every patch."""
    return any(fnmatch.fnmatch(part, pattern) for part in PurePosixPath(path).parts for pattern in UNTRACKED)


def unpack(archive: Path, workdir: str, root: Path, skip: Callable[[str], bool] = lambda path: False) -> WorkTree:
    """Unpack the tar file of a work directory into the empty folder `root`, leaving out the paths that `skip` names.

    Links are kept as links and never followed; a member that would pass through one is dropped.
    """
    members: dict[str, tarfile.TarInfo] = {}
    left_out: list[str] = []
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as source:
        for member in source:
            relative = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if skip(relative.as_posix()):
                continue
            inside = not member.name.startswith("/") and ".." not in relative.parts
            if not inside or not _unpack_one(source, member, root / relative, root):
                left_out.append(f"{shown(str(relative))}: {_kind(member)}")
            else:
                members[relative.as_posix()] = member
    return WorkTree(root, workdir, members, tuple(left_out))


def _unpack_one(source: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> bool:
    if target == root:
        return member.isdir()  # a work directory that became a link has no content of its own
    inner = target.relative_to(root)
    if any((root / parent).is_symlink() for parent in inner.parents) or os.path.lexists(target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif member.isreg() or member.islnk():
        try:
            content = source.extractfile(member)
        except (KeyError, tarfile.TarError):
            return False  # a hard link to something outside the archive
        if content is None:
            return False
        _write(target, content, bool(member.mode & stat.S_IXUSR), member.mtime)
    else:
        return False
    return True


def _write(target: Path, content: IO[bytes], executable: bool, mtime: float) -> None:
    with target.open("xb") as file:
        while piece := content.read(1024 * 1024):
            file.write(piece)
    target.chmod(0o755 if executable else 0o644)
    os.utime(target, (mtime, mtime))
