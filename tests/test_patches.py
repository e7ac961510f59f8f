"""The patch reader against patches that git makes, and against text that is none."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.patches import FileDiff, Hunk, Line, parse_patch

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12) | st.sampled_from(
    ["-- a/x", "++ b/x", "diff --git a/x b/x", "@@ -1 +1 @@", "\\ No newline", "", " ", "x"]
)
_LINES = st.lists(_TEXT.map(lambda text: text.replace("\n", "")), max_size=30)
_NAME = st.sampled_from(["x.py", "a b.txt", "dir/y.c", "dir/é.md", 'q"uote', "tab\there", "-dash", "b/b"])


def git_diff(folder: Path) -> str:
    argv = ["git", "diff", "--no-index", "--binary", "--no-prefix", "a", "b"]
    result = subprocess.run(argv, cwd=folder, capture_output=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    return result.stdout.decode()


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def patched(old: str, file: FileDiff) -> str:
    """Apply the hunks, from nothing but their parsed form."""
    before = old.split("\n")
    result: list[str] = []
    at = 0
    ended = False
    for hunk in file.hunks:
        start = hunk.old_start - 1 if any(line.kind in " -" for line in hunk.lines) else hunk.old_start
        result += before[at:start]
        at = start
        for place, line in enumerate(hunk.lines):
            if line.kind in " -":
                assert before[at] == line.text
                at += 1
            if line.kind in " +":
                result.append(line.text)
                following = hunk.lines[place + 1 : place + 2]
                ended = bool(following) and following[0].kind == "\\"
    rest = before[at:]
    if ended:
        return "\n".join(result)
    return "\n".join([*result, *(rest or [""])])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(_NAME, st.tuples(_LINES, _LINES, st.booleans(), st.booleans()), min_size=1, max_size=3),
)
@example({"x.py": (["-- a/x", "k"], ["++ b/x", "k"], True, False)})
def test_a_parsed_patch_makes_the_new_files_from_the_old(
    trees: dict[str, tuple[list[str], list[str], bool, bool]],
) -> None:
    old = {name: "\n".join(a) + "\n" * one for name, (a, _, one, _) in trees.items()}
    new = {name: "\n".join(b) + "\n" * two for name, (_, b, _, two) in trees.items()}
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(folder / "a", old)
        write(folder / "b", new)
        files = {file.path: file for file in parse_patch(git_diff(folder))}
    assert set(files) == {name for name in trees if old[name] != new[name]}
    for name, file in files.items():
        assert file.old_path == name
        assert not file.binary
        assert patched(old[name], file) == new[name]
        lines = new[name].split("\n")
        assert all(lines[number - 1] == text for number, text in file.new_lines().items())


@given(st.text(max_size=300) | st.lists(_TEXT, max_size=20).map("\n".join))
@example("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n cut")
@example("diff --git \n@@ -1 +1 @@\n")
def test_nothing_is_raised(text: str) -> None:
    for file in parse_patch(text):
        assert isinstance(file.new_lines(), dict)


def test_what_git_says_about_files(tmp_path: Path) -> None:
    body = "".join(f"{number}\n" for number in range(30))
    write(
        tmp_path / "a", {"gone.py": "x", "moved.py": body, "mode.sh": body[:9], "image": "\0old", "s/one.py": "x\ny\n"}
    )
    write(tmp_path / "b", {"new.py": "n\n", "to/moved.py": body + "30\n", "mode.sh": body[:9], "image": "\0new"})
    write(tmp_path / "b/s", {"one.py": "x\nz\n"})
    (tmp_path / "b/empty").touch()
    (tmp_path / "b/mode.sh").chmod(0o755)
    files = {file.path: file for file in parse_patch(git_diff(tmp_path))}
    assert list(files) == ["empty", "gone.py", "image", "mode.sh", "new.py", "s/one.py", "to/moved.py"]
    assert files["gone.py"].deleted
    assert (files["gone.py"].removed, files["gone.py"].added) == (1, 0)
    assert files["new.py"].new
    assert files["new.py"].new_lines() == {1: "n"}
    assert files["empty"].new
    assert files["image"].binary
    assert files["image"].hunks == ()
    assert files["mode.sh"].notes == ("old mode 100644", "new mode 100755")
    assert files["to/moved.py"].old_path == "moved.py"
    assert files["to/moved.py"].new_lines() == {28: "27", 29: "28", 30: "29", 31: "30"}
    assert files["s/one.py"].hunks == (Hunk(1, 1, (Line(" ", "x"), Line("-", "y"), Line("+", "z"))),)
    assert (files["s/one.py"].hunks[0].side("-"), files["s/one.py"].hunks[0].side("+")) == ("x\ny", "x\nz")


def test_prefixes_of_an_ordinary_diff_are_stripped_too() -> None:
    text = "diff --git a/src/x.py b/src/y.py\nsimilarity index 100%\nrename from src/x.py\nrename to src/y.py\n"
    (file,) = parse_patch(text)
    assert (file.old_path, file.path) == ("src/x.py", "src/y.py")


def test_an_editor_may_strip_empty_context_lines() -> None:
    text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@ f()\n k\n\n-a\n+b\n"
    (file,) = parse_patch(text)
    assert file.new_lines() == {1: "k", 2: "", 3: "b"}
    assert file.hunks[0].section == "f()"
