"""The scan of a built file system: every kind of leak is found, and what only looks like one is not."""

from __future__ import annotations

import gzip
import io
import os
import py_compile
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.executors.docker import Engine
from assay.executors.filesystem import entries, filesystem_digest
from assay.images.scan import drift, scan
from assay.model.outcome import ImageRecord, ImageScan
from assay.verification.preparation import prepare
from assay.workspace import load
from tests.docker.tiny import put, write_workspace

CHECKS = '''\
"""Recomputes every balance from the bookings and compares it with what the program printed."""

GREETING = "the balance of every account was recomputed from its bookings"
REASON = "a booking that was reversed twice must appear exactly once in the report"


def test_balances() -> None:
    assert sum(booking.amount for booking in bookings_of("checking")) == balance_of("checking")
    assert sum(booking.amount for booking in bookings_of("savings")) == balance_of("savings")
    assert reversed_bookings("checking") == expected_reversals("checking"), REASON
'''
SOLUTION = "\n".join(
    [
        "#!/bin/bash",
        "sed -i 's/amount + fee/amount - fee/' /app/ledger/bookings.py # fees are charged, not paid out",
        "sed -i 's/range(1, n)/range(n)/' /app/ledger/reports.py # the first booking counts as well",
        "",
    ]
)
STARTER = "def test_starts() -> None:\n    assert open('/app/notes.txt').read() == 'keep me, whatever else you do'\n"


UNKNOWN = (
    "another image from the same build context, different from layer 2 of 2 on; its files cannot be compared: "
    "no digest was recorded"
)


def workspace(root: Path, dockerfile: str) -> Path:
    folder = write_workspace(root)
    put(folder / "environment/Dockerfile", f"FROM debian:bookworm-slim\nCOPY app /app\nWORKDIR /app\n{dockerfile}")
    put(folder / "steps/first/tests/test_balances.py", CHECKS)
    put(folder / "steps/second/tests/pristine.txt", "This file is compared with what the agent has left of it.\n" * 3)
    put(folder / "environment/app/pristine.txt", "This file is compared with what the agent has left of it.\n" * 3)
    put(folder / "solution/fix.sh", SOLUTION)
    return folder


def scanned(engine: Engine, root: Path) -> ImageScan:
    return scan(engine, prepare(engine, load(root).tasks["tiny"]), root)


def git(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "nobody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=environment, capture_output=True)


def repository(folder: Path) -> None:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    put(folder / "readme.txt", "one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")


def test_every_kind_of_leak_is_found(engine: Engine, tmp_path: Path) -> None:
    part = [*CHECKS.splitlines()[7:], *CHECKS.splitlines()[2:4]]
    folder = workspace(tmp_path, "COPY leaks /srv\nCOPY history /root/.bash_history\nADD part.tar /srv\n")
    leaks = folder / "environment/leaks"
    # From an archive, because what environment/ has as text the agent is given openly.
    with tarfile.open(leaks.parent / "part.tar", "w") as archive:
        text = "\n".join(part).encode()
        info = tarfile.TarInfo("part.md")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    put(leaks / "whole.py", CHECKS)
    put(leaks.parent / "history", "vim solve.sh\n")
    py_compile.compile(str(folder / "steps/first/tests/test_balances.py"), str(leaks / "test_balances.cpython-311.pyc"))
    with zipfile.ZipFile(leaks / "backup.zip", "w") as archive:
        archive.writestr("old/fix.sh", SOLUTION)
    (leaks / "fix.sh.gz").write_bytes(gzip.compress(SOLUTION.encode()))
    repository(leaks / "repo")
    git(leaks / "repo", "checkout", "-qb", "solution")
    put(leaks / "repo/answer.txt", "two\n")
    git(leaks / "repo", "add", ".")
    git(leaks / "repo", "commit", "-qm", "two")
    git(leaks / "repo", "checkout", "-q", "main")
    git(leaks / "repo", "branch", "-D", "solution")
    git(leaks / "repo", "checkout", "-qb", "later")
    git(leaks / "repo", "commit", "-qm", "three", "--allow-empty")
    git(leaks / "repo", "checkout", "-q", "main")
    found = scanned(engine, tmp_path)
    assert {(item.rule, item.path) for item in found.findings} == {
        ("image-holds-tests", "/srv/whole.py"),
        ("image-holds-tests", "/srv/part.md"),
        ("image-holds-tests", "/srv/test_balances.cpython-311.pyc"),
        ("image-holds-solution", "/srv/backup.zip!old/fix.sh"),
        ("image-holds-solution", "/srv/fix.sh.gz!fix.sh"),
        ("image-shell-history", "/root/.bash_history"),
        ("image-git-history", "/srv/repo/.git"),
    }
    of_git = [item.message for item in found.findings if item.rule == "image-git-history"]
    assert of_git == [
        "objects that no branch leads to: 3; removed files can be read from them",
        "one commit is not in the history of HEAD, but in that of another branch or a tag",
    ]
    again = scanned(engine, tmp_path)
    assert again == found
    put(folder / "steps/first/tests/test_balances.py", "def test_other():\n    assert balance_of('x') == 1\n")
    assert "/srv/whole.py" not in {item.path for item in scanned(engine, tmp_path).findings}, "the cache is by content"


def test_what_only_looks_like_a_leak_is_none(engine: Engine, tmp_path: Path) -> None:
    """A starter test given openly, a pristine copy, a squashed repository, an empty history, a broken archive."""
    folder = workspace(tmp_path, "COPY good /srv\nCOPY empty /root/.bash_history\n")
    put(folder / "environment/good/test_balances.py", STARTER)
    put(folder / "environment/empty", "")
    put(folder / "environment/good/broken.zip", "PK\x03\x04 not really")
    repository(folder / "environment/good/repo")
    found = scanned(engine, tmp_path)
    assert found.findings == []
    assert found.packages > 50


def test_a_rebuild_has_another_id_and_the_same_files(engine: Engine, tmp_path: Path) -> None:
    write_workspace(tmp_path)
    prepared = prepare(engine, load(tmp_path).tasks["tiny"])
    before = scan(engine, prepared, tmp_path)
    context = prepared.task.folder / "environment"
    done = subprocess.run(
        ["docker", "build", "-q", "--no-cache", str(context)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
    rebuilt = engine.image(done.stdout.strip().splitlines()[-1])
    try:
        other = type(prepared)(prepared.task, prepared.file, rebuilt)
        after = scan(engine, other, tmp_path)
        assert rebuilt.record.id != prepared.image.record.id
        assert after.filesystem_sha256 == before.filesystem_sha256
    finally:
        subprocess.run(["docker", "image", "rm", rebuilt.record.id], check=False, capture_output=True)


def test_drift_names_what_changed_since_both_were_scanned(engine: Engine, tmp_path: Path) -> None:
    folder = write_workspace(tmp_path)
    before = prepare(engine, load(tmp_path).tasks["tiny"])
    put(folder / "environment/app/notes.txt", "keep me as well\n")
    after = prepare(engine, load(tmp_path).tasks["tiny"])
    then, now = (
        item.image.record.model_copy(update={"filesystem_sha256": scan(engine, item, tmp_path).filesystem_sha256})
        for item in (before, after)
    )
    assert drift(then, now, tmp_path) == "not comparable: the files differ (app/notes.txt)"


def record(number: int, files: int | None, context: int = 1) -> ImageRecord:
    return ImageRecord(
        id=f"sha256:{number:064x}",
        layers=["a", f"b{number}"],
        context_sha256=f"{context:064x}",
        filesystem_sha256=None if files is None else f"{files:064x}",
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (record(1, None), record(1, 5), ""),
        (record(1, 5), record(2, 5), "rebuilt: another image id, the same files"),
        (record(1, 5), record(2, 6), "not comparable: the files differ"),
        (
            record(1, None),
            record(2, 6),
            UNKNOWN,
        ),
    ],
)
def test_drift_says_what_can_be_known(before: ImageRecord, after: ImageRecord, said: str, tmp_path: Path) -> None:
    assert drift(before, after, tmp_path) == said


names = st.text("abc/", min_size=1, max_size=6).map(lambda name: name.strip("/") or "x")
files = st.dictionaries(names, st.tuples(st.binary(max_size=9), st.integers(0, 0o777)), min_size=1, max_size=6)


def exported(files: dict[str, tuple[bytes, int]], order: list[str], when: int) -> list[str]:
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        for name in order:
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(files[name][0]), files[name][1], when
            archive.addfile(info, io.BytesIO(files[name][0]))
    store.seek(0)
    with tarfile.open(fileobj=store, mode="r|") as archive:
        return [entry.line for entry in entries(archive)]


@given(files, st.randoms(use_true_random=False), st.data())
def test_the_digest_knows_content_and_mode_but_not_order_and_time(files, random, data) -> None:  # type: ignore[no-untyped-def]
    order = list(files)
    random.shuffle(order)
    digest = filesystem_digest(exported(files, list(files), 0))
    assert digest == filesystem_digest(exported(files, order, 99))
    name = data.draw(st.sampled_from(sorted(files)))
    content, mode = files[name]
    assert digest != filesystem_digest(exported(files | {name: (content + b"!", mode)}, order, 0))
    assert digest != filesystem_digest(exported(files | {name: (content, mode ^ 1)}, order, 0))


def test_the_digest_knows_links_and_owners_but_no_logs() -> None:
    def digest(**changes: object) -> str:
        info = tarfile.TarInfo("app/link")
        info.type, info.linkname = tarfile.SYMTYPE, "one"
        for name, value in changes.items():
            setattr(info, name, value)
        store = io.BytesIO()
        with tarfile.open(fileobj=store, mode="w") as archive:
            archive.addfile(info)
            archive.addfile(tarfile.TarInfo("proc/1"))
            archive.addfile(tarfile.TarInfo(f"var/log/{len(changes)}"))
        with tarfile.open(fileobj=io.BytesIO(store.getvalue()), mode="r|") as archive:
            return filesystem_digest([entry.line for entry in entries(archive) if entry.lasting])

    variants = [digest(), digest(linkname="two"), digest(uid=1), digest(name="app/other"), digest(type=tarfile.LNKTYPE)]
    assert len(set(variants)) == len(variants)
    assert digest(mtime=99) == digest()
