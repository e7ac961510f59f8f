"""Sealing identities and opening them: with real age files and ssh keys, and with everything that can be forged."""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import cli
from assay.diagnostics import Diagnostic
from assay.errors import ExitCode, UsageError
from assay.model.identity import Identity
from assay.model.sealed import Commitments, Opening
from assay.rules import run
from assay.scaffold.workspace import create
from assay.sealing.commitments import canonical, commitment, task_key
from assay.sealing.identities import add
from assay.sealing.maps import open_map, publish, seal
from assay.storage import as_json
from assay.workspace import load
from tests.importers.reading import FIXTURES

TASK = "hello-milestones"
LOGS = [str(FIXTURES / "opencode/export.json"), str(FIXTURES / "atif/atif-1.2.json")]


def maker(name: str, **extra: str) -> Identity:
    return Identity(agent=name, source_format="session", source_sha256=sha256(name.encode()).hexdigest(), extra=extra)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A coordinator's private key; the public half is in the workspace's policy."""
    file = tmp_path / "coordinator.txt"
    file.write_text(str(pyrage.x25519.Identity.generate()))
    return file


def public(key: Path) -> str:
    return str(pyrage.x25519.Identity.from_str(key.read_text()).to_public())


@pytest.fixture
def root(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create(tmp_path / "w", "sealed")
    monkeypatch.chdir(tmp_path / "w")
    recipients(tmp_path / "w", public(key))
    return tmp_path / "w"


def recipients(root: Path, *keys: str) -> None:
    policy = (root / "assay.toml").read_text().partition("\n[seal]")[0]
    (root / "assay.toml").write_text(f"{policy}\n[seal]\nrecipients = {json.dumps(keys)}\n")


def seals(root: Path) -> list[Diagnostic]:
    return [item for item in run(load(root)) if item.rule.startswith("seal-")]


def beside(root: Path, name: str) -> Path:
    return root / "trajectories" / TASK / name


def test_the_published_vector() -> None:
    study = bytes(range(32))
    identity = {"agent": "agent-x", "harness": "h", "model": "model-y"}
    key = task_key(study, "t-0007")
    assert key.hex() == "590621a20dba533186b4a6ef50115856405b5aacee2752bf08057e1638c8a23c"
    assert commitment(key, "r-k3f9x2", identity) == "a0fbd898e2fd78bdb3ecc40fbeea74ce6368a46eeb3c734bb2709ca4ef522a64"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(VALUES)
def test_a_canonical_text_is_the_value_and_nothing_else(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@pytest.mark.parametrize("value", [1.0, {1: 2}, {"a": [float("nan")]}, b"x", {"a": {1, 2}}])
def test_what_has_more_than_one_text_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_an_import_is_sealed_with_it_and_only_the_coordinator_opens_it(root: Path, key: Path) -> None:
    assert cli.main(["import", *LOGS, "--task", TASK]) == ExitCode.CLEAN
    assert seals(root) == []
    for file in (root / "trajectories").rglob("*"):
        assert not file.is_file() or b"opencode" not in file.read_bytes()
    shutil.rmtree(root / ".assay")  # another machine
    assert cli.main(["unseal", "--task", TASK, "--key", str(key)]) == ExitCode.CLEAN
    opened = json.loads(beside(root, "opening.json").read_text())["identities"]
    assert sorted(identity["agent"] for identity in opened.values()) == ["kestrel-cli", "opencode"]
    assert seals(root) == []


def test_showing_publishes_nothing(root: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(root, TASK, {"calm-heron": maker("a")})
    assert cli.main(["seal"]) == ExitCode.CLEAN
    assert cli.main(["unseal", "--all", "--key", str(key), "--show"]) == ExitCode.CLEAN
    assert f"{TASK}/calm-heron: a" in capsys.readouterr().out
    assert not beside(root, "opening.json").exists()


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_ssh_keys_are_keys(root: Path, tmp_path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / "id"], check=True)
    recipients(root, (tmp_path / "id.pub").read_text().strip())
    add(root, TASK, {"calm-heron": maker("a")})
    assert cli.main(["seal", TASK]) == ExitCode.CLEAN
    assert open_map(root, TASK, [tmp_path / "id"]).identities["calm-heron"].agent == "a"


def test_sizes_tell_nothing(root: Path, key: Path) -> None:
    sizes = set()
    for name in ("a", "a" * 900):
        shutil.rmtree(root / ".assay", ignore_errors=True)
        shutil.rmtree(root / "trajectories", ignore_errors=True)
        add(root, TASK, {"calm-heron": maker(name)})
        seal(root, TASK, [public(key)])
        sizes.add(beside(root, "identities.age").stat().st_size // 1024)
    assert len(sizes) == 1


def test_another_machine_adds_with_a_key_and_not_without(root: Path, key: Path) -> None:
    add(root, TASK, {"calm-heron": maker("a")})
    first = seal(root, TASK, [public(key)])
    shutil.rmtree(root / ".assay")
    add(root, TASK, {"dry-finch": maker("b")})
    before = beside(root, "commitments.json").read_bytes()
    with pytest.raises(UsageError, match="`calm-heron` were sealed on another machine"):
        seal(root, TASK, [public(key)])
    assert beside(root, "commitments.json").read_bytes() == before
    second = seal(root, TASK, [public(key)], [key])
    assert second.commitments["calm-heron"] == first.commitments["calm-heron"]
    assert set(open_map(root, TASK, [key]).identities) == {"calm-heron", "dry-finch"}
    assert seal(root, TASK, [public(key)]).commitments == second.commitments, "from now on this machine knows them"


def test_recipients_come_and_go(root: Path, key: Path, tmp_path: Path) -> None:
    add(root, TASK, {"calm-heron": maker("a")})
    seal(root, TASK, [public(key)])
    new = tmp_path / "new.txt"
    new.write_text(str(pyrage.x25519.Identity.generate()))
    recipients(root, public(new))
    assert [item.rule for item in seals(root)] == ["seal-recipients"]
    assert cli.main(["seal", TASK]) == ExitCode.CLEAN
    assert seals(root) == []
    with pytest.raises(UsageError, match=r"coordinator\.txt does not open it"):
        open_map(root, TASK, [key])
    assert open_map(root, TASK, [new]).identities.keys() == {"calm-heron"}


def test_keys_that_do_not_serve(root: Path, key: Path, tmp_path: Path) -> None:
    add(root, TASK, {"calm-heron": maker("a")})
    seal(root, TASK, [public(key)])
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "locked"], check=True)
    (tmp_path / "junk").write_text("no key")
    for name, says in (("locked", "it has a passphrase"), ("junk", "private half"), ("gone", "")):
        with pytest.raises(UsageError) as caught:
            open_map(root, TASK, [tmp_path / name])
        assert caught.value.message.startswith(str(tmp_path / name))
        assert says in caught.value.hint
    with pytest.raises(UsageError, match="holds `age1nonsense…`"):
        seal(root, TASK, ["age1nonsense"])
    with pytest.raises(UsageError, match="nobody is named"):
        seal(root, TASK, [])
    damaged = bytearray(beside(root, "identities.age").read_bytes())
    damaged[-1] ^= 1
    beside(root, "identities.age").write_bytes(damaged)
    with pytest.raises(UsageError, match="is damaged"):
        open_map(root, TASK, [key])


def test_commitments_are_never_changed(root: Path, key: Path) -> None:
    add(root, TASK, {"calm-heron": maker("a")})
    seal(root, TASK, [public(key)])
    before = [file.read_bytes() for file in sorted(beside(root, "").iterdir())]
    add(root, TASK, {"calm-heron": maker("b")})
    with pytest.raises(UsageError, match="`calm-heron` is not the one committed to before"):
        seal(root, TASK, [public(key)])
    assert [file.read_bytes() for file in sorted(beside(root, "").iterdir())] == before


def forged(root: Path, key: Path, opening: Opening) -> None:
    """A sealed map that was made to look right: the digest beside it is that of the new file."""
    sealed = pyrage.encrypt(as_json(opening), [pyrage.x25519.Recipient.from_str(public(key))])
    beside(root, "identities.age").write_bytes(sealed)
    edited(root, sealed_sha256=sha256(sealed).hexdigest())


def edited(root: Path, **changes: Any) -> None:
    file = beside(root, "commitments.json")
    record = Commitments.model_validate_json(file.read_bytes())
    file.write_bytes(as_json(record.model_copy(update=changes)))


def test_every_forgery_is_named_after_unsealing(root: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(root, TASK, {"calm-heron": maker("a"), "dry-finch": maker("b")})
    seal(root, TASK, [public(key)])
    older = beside(root, "identities.age").read_bytes()
    add(root, TASK, {"wise-newt": maker("c")})
    record = seal(root, TASK, [public(key)])
    honest = open_map(root, TASK, [key])
    kept = {file: file.read_bytes() for file in beside(root, "").iterdir()}
    changed = {**honest.identities, "calm-heron": maker("z")}
    swapped = {**honest.identities, "calm-heron": maker("b"), "dry-finch": maker("a")}
    wrong = {**record.commitments, "dry-finch": "0" * 64}
    for forge, says in (
        (
            lambda: forged(root, key, honest.model_copy(update={"identities": changed})),
            "of `calm-heron` is not the one",
        ),
        (lambda: forged(root, key, honest.model_copy(update={"identities": swapped})), "it is that of `dry-finch`"),
        (lambda: edited(root, commitments=wrong), "of `dry-finch` is not the one committed to; one of the two"),
        (lambda: beside(root, "identities.age").write_bytes(older), "`wise-newt` was committed to and is not in the"),
        (lambda: beside(root, "identities.age").write_bytes(older), "must be the file that `sealed_sha256` names"),
    ):
        for file, content in kept.items():
            file.write_bytes(content)
        beside(root, "opening.json").unlink(missing_ok=True)
        forge()
        assert cli.main(["unseal", "--task", TASK, "--key", str(key)]) == ExitCode.FINDINGS
        capsys.readouterr()
        assert any(says in item.message for item in seals(root)), says


def test_opening_one_task_keeps_the_others_closed(root: Path, key: Path) -> None:
    shutil.copytree(root / "tasks" / TASK, root / "tasks/other")
    for task in (TASK, "other"):
        add(root, task, {"calm-heron": maker("a")})
        seal(root, task, [public(key)])
    opening = open_map(root, TASK, [key])
    publish(root, opening)
    other = Commitments.model_validate_json((root / "trajectories/other/commitments.json").read_bytes())
    guess = commitment(bytes.fromhex(opening.key), "calm-heron", maker("a").model_dump(mode="json"))
    assert guess not in other.commitments.values()
