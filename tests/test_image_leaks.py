"""What gives a secret away and what does not, on hand-made file systems as an engine would export them."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import py_compile
import random
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.executors.filesystem import entries
from assay.images.leaks import Secrets, inside
from assay.images.scan import Scanned

Files = Mapping[str, str | bytes | Path]

TEST = "import subprocess\n\n\ndef test_balances_are_recomputed_from_bookings():\n" + "".join(
    f'    assert compute_balance("account-{n}") == expected_balance("account-{n}")\n' for n in range(8)
)
SOURCE = "".join(f"int function_number_{n}(struct queue *queue, struct job *job, int flags);\n" for n in range(20))
LICENCE = "".join(f"# {n}. Redistributions in binary form must reproduce the notice above\n" for n in range(9))
TRUTH = '{"total": 128.5, "rows": [1, 2, 3], "checksum": "0f3a9c"}\n'
SCRIPT = "set -euo pipefail\napt-get update && apt-get install -y --no-install-recommends gcc\nmake -j2 install\n"
IDIOM = "from concurrent.futures import ThreadPoolExecutor\n"
PATCH = f"--- a/q.c\n+++ b/q.c\n@@ -1,20 +1,21 @@\n{''.join(f' {line}' for line in SOURCE.splitlines(True))}+int new;\n"
HIDDEN = {"tests/test_balances.py": TEST}


def scanned(folder: Path, task: Files, image: Files) -> Scanned:
    for name, content in task.items():
        file = folder / "task" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(as_bytes(content))
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        for name, content in image.items():
            if isinstance(content, Path):
                archive.add(content, name)
            else:
                add(archive, name, as_bytes(content))
    found = Scanned(Secrets(folder / "task"), folder / "space")
    with tarfile.open(fileobj=io.BytesIO(store.getvalue()), mode="r|") as archive:
        for entry in entries(archive):
            found.take(entry)
    return found


def as_bytes(content: str | bytes | Path) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content)


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def tarred(name: str, content: bytes) -> bytes:
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w:gz") as archive:
        add(archive, name, content)
    return store.getvalue()


def zipped(**files: bytes) -> bytes:
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return store.getvalue()


LEAKS: dict[str, tuple[Files, Files, str]] = {
    "part of a test": (HIDDEN, {"srv/notes.md": TEST[90:]}, "/srv/notes.md"),
    "given openly": ({**HIDDEN, "environment/t.py": TEST}, {"t.py": TEST}, "/t.py"),
    "nearly given openly": ({**HIDDEN, "environment/t.py": f"{TEST}# x\n"}, {"t.py": f"{TEST}# x\n"}, "/t.py"),
    "truth given openly": (
        {"tests/expected.json": TRUTH, "environment/e.json": TRUTH},
        {"e.json": TRUTH},
        "/e.json",
    ),
    "no extension": (HIDDEN, {"srv/backup": tarred("t.py", TEST.encode())}, "/srv/backup!backup!t.py"),
    "archive in archive": (HIDDEN, {"b": zipped(inner=tarred("t.py", TEST.encode()))}, "/b!inner!inner!t.py"),
    "compressed": (HIDDEN, {"t.py.xz": lzma.compress(TEST.encode())}, "/t.py.xz!t.py"),
    "archive of 3 MB": (HIDDEN, {"b": zipped(t=TEST.encode(), junk=random.Random(1).randbytes(3_000_000))}, "/b!t"),
    "package from a folder of the image": (
        HIDDEN,
        {"s/a.py": TEST, "s/a-1.dist-info/RECORD": "a.py,,\n", "s/a-1.dist-info/direct_url.json": "{}"},
        "/s/a.py",
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found_where_it_is(name: str, tmp_path: Path) -> None:
    task, image, path = LEAKS[name]
    assert [(item.rule, item.path) for item in scanned(tmp_path, task, image).findings()] == [
        ("image-holds-tests", path)
    ]


LOOK_ALIKES: dict[str, tuple[Files, Files]] = {
    "one idiom": ({"solution/a.py": f"{IDIOM}x = 1\n"}, {"usr/lib/python3/base.py": IDIOM * 3}),
    "one common command": ({"solution/solve.sh": SCRIPT}, {"usr/share/doc/README": SCRIPT[18:90]}),
    "pristine copy of an input": (
        {"environment/q.c": SOURCE, "tests/original.c": SOURCE, "tests/variant.c": f"{SOURCE}int extra;\n"},
        {"app/q.c": SOURCE},
    ),
    "file that a solution extends": ({"solution/src/q.c": f"{SOURCE}int extra;\n"}, {"app/src/q.c": SOURCE}),
    "context of a patch": ({"solution/fix.patch": PATCH}, {"app/q.c": SOURCE}),
    "file of a package of the system": (
        {"tests/test_x.py": LICENCE + TEST},
        {"usr/lib/x/copyright": LICENCE, "var/lib/dpkg/info/x.list": "/.\n/lib/x/copyright\n"},
    ),
    "file of a package from an index": (HIDDEN, {"s/a.py": TEST, "s/a-1.dist-info/RECORD": "a.py,,\n"}),
    "repository that cannot be read": ({}, {"app/.git/HEAD": "ref: refs/heads/x\n", "app/.git/refs/heads/x": "0" * 40}),
    "configuration that leads elsewhere": ({}, {"app/.git/HEAD": "ref: refs/heads/x\n", "app/.git/config": "[include"}),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_look_alike_is_none(name: str, tmp_path: Path) -> None:
    assert scanned(tmp_path, *LOOK_ALIKES[name]).findings() == []


def test_compiled_tests_are_known_by_what_they_define(tmp_path: Path) -> None:
    source, compiled = tmp_path / "test_balances.py", tmp_path / "renamed.pyc"
    source.write_text(TEST)
    py_compile.compile(str(source), str(compiled))
    (finding,) = scanned(tmp_path, HIDDEN, {"app/renamed.pyc": compiled}).findings()
    assert finding.message == "holds `tests/test_balances.py` in compiled form"
    source.write_text("def test_other() -> None:\n    assert True\n")
    py_compile.compile(str(source), str(compiled))
    assert scanned(tmp_path, HIDDEN, {"app/test_balances.pyc": compiled}).findings() == []


def test_what_is_too_large_is_said_to_be_unread(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    found = scanned(tmp_path, HIDDEN, {"srv/bomb": bomb, "srv/large": bytes(40_000_000)})
    assert found.findings() == []
    assert found.unread == ["/srv/bomb: too large when unpacked", "/srv/large: 38 MiB"]


@given(st.sampled_from([b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"]), st.binary(max_size=300), st.data())
def test_damaged_archives_end_early(magic: bytes, rest: bytes, data: st.DataObject) -> None:
    list(inside("x", magic + rest))
    for whole in (zipped(a=b"1" * 50), tarred("a", b"1" * 50), gzip.decompress(tarred("a", b"1" * 50))):
        at = data.draw(st.integers(0, len(whole) - 1))
        list(inside("x", whole[:at] + rest[:4] + whole[at + 4 :]))


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def commit(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / name).write_text(content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "change")


def stashed(folder: Path) -> None:
    (folder / "a").write_text("2")
    git(folder, "stash", "--quiet")


def amended(folder: Path) -> None:
    commit(folder, b="answer")
    (folder / "b").write_text("")
    git(folder, "commit", "--quiet", "--all", "--amend", "-m", "change")


def later(folder: Path) -> None:
    git(folder, "checkout", "-qb", "later")
    commit(folder, b=random.Random(2).randbytes(3_000_000).hex())
    git(folder, "checkout", "-q", "main")
    git(folder, "gc", "--quiet")


def removed(folder: Path) -> None:
    commit(folder, b=TEST)
    (folder / "b").unlink()
    commit(folder)
    git(folder, "gc", "--quiet", "--prune=now")


def tagged(folder: Path) -> None:
    git(folder, "tag", "-a", "v1", "-m", "v1")
    commit(folder, a="2")


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (stashed, {"image-git-history"}),
        (amended, {"image-git-history"}),
        (later, {"image-git-history"}),
        (removed, {"image-holds-tests"}),
        (tagged, set()),
    ],
)
def test_history_that_the_agent_could_read(change: Callable[[Path], None], rules: set[str], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet", "-b", "main")
    commit(repository, a="1")
    change(repository)
    found = scanned(tmp_path, HIDDEN, {"app": repository})
    assert {item.rule for item in found.findings()} == rules
    assert found.unread == []
