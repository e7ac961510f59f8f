"""Tar files that cross a container's border are hostile."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

from assay.archives import select, unpack, untracked
from assay.model.task import Artifact


def archive(file: Path, *members: tuple[str, bytes, str]) -> Path:
    """A tar file of (name, type, content or link target)."""
    with tarfile.open(file, "w") as output:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime = kind, 0o6755, 1000
            if kind == tarfile.REGTYPE:
                info.size = len(text)
                output.addfile(info, io.BytesIO(text.encode()))
            else:
                info.linkname = text
                output.addfile(info)
    return file


FILE, FOLDER, LINK, HARD, FIFO, DEVICE = (
    tarfile.REGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.BLKTYPE,
)


def test_only_plain_files_and_folders_go_on(tmp_path: Path) -> None:
    source = archive(
        tmp_path / "in.tar",
        ("out", FOLDER, ""),
        ("out/good", FILE, "g"),
        ("out/link", LINK, "/etc/passwd"),
        ("out/hard", HARD, "out/good"),
        ("out/pipe", FIFO, ""),
        ("out/disk", DEVICE, ""),
        ("out/../../etc/evil", FILE, "e"),
        ("/etc/evil", FILE, "e"),
        ("out/cache/big.o", FILE, "o"),
    )
    artifact = Artifact(source="/data/out", exclude=["*.o", "cache"])

    rejected = select([artifact], {"/data/out": source}, "/app", tmp_path / "out.tar")

    with tarfile.open(tmp_path / "out.tar") as output:
        assert {(member.name, member.type, member.mode) for member in output} == {
            ("data/out", FOLDER, 0o755),
            ("data/out/good", FILE, 0o755),
        }
    assert rejected == [
        "/data/out/link: symbolic link to /etc/passwd",
        "/data/out/hard: hard link",
        "/data/out/pipe: not a plain file",
        "/data/out/disk: not a plain file",
        "out/../../etc/evil: leaves the artifact",
        "/etc/evil: leaves the artifact",
    ]


def test_relative_artifacts_start_in_the_work_directory_and_missing_ones_are_named(tmp_path: Path) -> None:
    source = archive(tmp_path / "in.tar", ("report.txt", FILE, "r"))
    wanted = [Artifact(source="sub/report.txt"), Artifact(source="gone.txt")]

    rejected = select(wanted, {"/app/sub/report.txt": source, "/app/gone.txt": None}, "/app", tmp_path / "out.tar")

    with tarfile.open(tmp_path / "out.tar") as output:
        assert output.getnames() == ["app/sub/report.txt"]
    assert rejected == ["/app/gone.txt: missing"]


def test_unpacking_never_writes_through_a_link_or_outside(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    source = archive(
        tmp_path / "in.tar",
        ("app", FOLDER, ""),
        ("app/way", LINK, "../outside"),
        ("app/way/evil", FILE, "e"),
        ("app/../outside/evil", FILE, "e"),
        ("/outside/evil", FILE, "e"),
        ("app/file", LINK, "../outside/evil"),
        ("app/file", FILE, "second"),
        ("app/hard", HARD, "/etc/passwd"),
        ("app/pipe", FIFO, ""),
        ("app/good", FILE, "g"),
        ("app/same", HARD, "app/good"),
        ("app/x.pyc", FILE, "p"),
        ("app/.git/config", FILE, "c"),
    )

    tree = unpack(source, "/app", tmp_path / "root", untracked)

    assert list((tmp_path / "outside").iterdir()) == []
    assert sorted(path.name for path in tree.root.rglob("*")) == ["file", "good", "same", "way"]
    assert (tree.root / "same").read_text() == "g"
    assert len(tree.left_out) == 6


def test_a_work_directory_that_is_a_link_has_no_content(tmp_path: Path) -> None:
    tree = unpack(archive(tmp_path / "in.tar", ("app", LINK, "/etc")), "/app", tmp_path / "root")

    assert list(tree.root.iterdir()) == []
    assert tree.archive(PurePosixPath("/app/passwd"), tmp_path / "out.tar") is None


def test_a_tree_gives_back_owners_and_modes_it_was_unpacked_with(tmp_path: Path) -> None:
    tree = unpack(archive(tmp_path / "in.tar", ("app", FOLDER, ""), ("app/f", FILE, "1")), "/app", tmp_path / "root")
    (tree.root / "new").write_text("2")

    assert tree.archive(PurePosixPath("/app"), tmp_path / "out.tar")

    with tarfile.open(tmp_path / "out.tar") as output:
        assert {member.name: oct(member.mode) for member in output} == {
            "app": "0o6755",
            "app/f": "0o6755",
            "app/new": "0o644",
        }
