"""Git behind one door: patches between trees, and what changed since a revision."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.repository import apply_patch, changed_paths, diff_trees

Entry = tuple[str, bytes, bool]
"""Kind (`file` or `link`), content or target, executable."""

names = st.sampled_from(["a", "b", "c.txt", "sp ace", "naïve", "tab\tname", '"quoted"', "-dash", ".gitattributes", "d"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
texts = st.sampled_from(
    [b"", b"x", b"one\ntwo\nthree\n", b"crlf\r\n", b"* text=auto\n*.txt eol=crlf -diff\n", b"\0\xff\n"]
)
contents = st.one_of(texts, st.binary(max_size=60))
files = st.tuples(st.just("file"), contents, st.booleans())
# never to itself: git refuses to put a folder in the place of such a link
links = st.tuples(st.just("link"), st.sampled_from([b"none", b"/etc/passwd", b"../up"]), st.just(False))
trees = st.dictionaries(paths, st.one_of(files, files, links), max_size=6)


def write(root: Path, tree: dict[str, Entry]) -> None:
    """Create the tree, leaving out entries whose parent is already a file."""
    root.mkdir()
    for name, (kind, content, executable) in sorted(tree.items()):
        path = root / name
        if any(os.path.lexists(parent) and not is_folder(parent) for parent in path.parents) or os.path.lexists(path):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "link":
            path.symlink_to(os.fsdecode(content))
        else:
            path.write_bytes(content)
            path.chmod(0o755 if executable else 0o644)


def is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def state(root: Path) -> dict[str, Entry]:
    """What git can tell of a tree."""
    found: dict[str, Entry] = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", os.fsencode(os.readlink(path)), False)
        elif path.is_file():
            found[name] = ("file", path.read_bytes(), os.access(path, os.X_OK))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, trees)
def test_a_patch_turns_one_tree_into_the_other(before: dict[str, Entry], after: dict[str, Entry]) -> None:
    with tempfile.TemporaryDirectory() as name:
        a, b = Path(name, "a"), Path(name, "b")
        write(a, before)
        write(b, after)

        patch = diff_trees(a, b)
        assert bool(patch) == (state(a) != state(b))
        assert patch == diff_trees(a, b)
        apply_patch(a, patch)

        assert state(a) == state(b)


def test_every_header_names_both_sides(tmp_path: Path) -> None:
    write(tmp_path / "old", {"gone": ("file", b"x\n", False), "same": ("file", b"1\n", False)})
    write(
        tmp_path / "new",
        {"come": ("file", b"\0", False), "sp ace": ("file", b"x\n", False), "same": ("file", b"2\n", False)},
    )

    headers = [
        line for line in diff_trees(tmp_path / "old", tmp_path / "new").splitlines() if line.startswith(b"diff ")
    ]

    assert headers == [
        b"diff --git a/come b/come",
        b"diff --git a/gone b/gone",
        b"diff --git a/same b/same",
        b"diff --git a/sp ace b/sp ace",
    ]


def test_a_patch_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "old", {"file": ("file", b"1\n", False)})
    write(tmp_path / "new", {"file": ("file", b"2\n", False), "more": ("file", b"x\n", False)})
    write(tmp_path / "other", {"file": ("file", b"something else\n", False)})

    with pytest.raises(UsageError, match="must apply") as caught:
        apply_patch(tmp_path / "other", diff_trees(tmp_path / "old", tmp_path / "new"))

    assert caught.value.reference == "patch-does-not-apply"
    assert state(tmp_path / "other") == {"file": ("file", b"something else\n", False)}


@pytest.mark.parametrize("path", ["../escape", "link/escape"])
def test_a_patch_cannot_write_outside_the_tree(tmp_path: Path, path: str) -> None:
    write(tmp_path / "tree", {"link": ("link", b"..", False)})
    patch = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"

    with pytest.raises(UsageError):
        apply_patch(tmp_path / "tree", patch.encode())

    assert not (tmp_path / "escape").exists()


def test_a_repository_and_its_hook_variables_around_a_tree_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    write(tmp_path / "old", {"f": ("file", b"1\r\n", False)})
    write(tmp_path / "new", {"f": ("file", b"2\r\n", False)})
    (tmp_path / ".gitattributes").write_text("* text eol=lf\n")
    (tmp_path / ".gitignore").write_text("*\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere/index"))

    apply_patch(tmp_path / "old", diff_trees(tmp_path / "old", tmp_path / "new"))

    assert state(tmp_path / "old") == {"f": ("file", b"2\r\n", False)}


def git(folder: Path, *arguments: str) -> str:
    """Run the real program as some user with a fixed name."""
    options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *options, *arguments]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, **contents: str) -> str:
    for name, text in contents.items():
        (root / name).write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "change")
    return git(root, "rev-parse", "HEAD")


def test_changed_paths_count_from_where_the_branches_parted(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "sub").mkdir()
    commit(tmp_path, kept="1", gone="1", edited="1")
    git(tmp_path, "branch", "side")
    commit(tmp_path, only_main="1")
    git(tmp_path, "checkout", "--quiet", "side")
    commit(tmp_path, committed="1")
    (tmp_path / "gone").unlink()
    (tmp_path / "edited").write_text("2")
    (tmp_path / "sub/näw file").write_text("x")

    assert changed_paths(tmp_path, "main") == {"committed", "gone", "edited", "sub/näw file"}
    assert changed_paths(tmp_path / "sub", "main") == {"näw file"}
    for unknown in ("no-such-branch", "--output=/x"):
        with pytest.raises(UsageError) as caught:
            changed_paths(tmp_path, unknown)
        assert caught.value.reference == "unknown-revision"


def test_without_git_it_says_so(tmp_path: Path) -> None:
    code = (
        "from assay.errors import EnvironmentMissingError\nfrom assay.repository import changed_paths\n"
        "from pathlib import Path\ntry:\n    changed_paths(Path('.'), 'HEAD')\n"
        "except EnvironmentMissingError as error:\n    print(error.reference, int(error.code))\n"
    )
    variables = {"PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1] / "tools")}

    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["git-missing", "4"]
