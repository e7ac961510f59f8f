"""Work trees on the host: the image's own, and the one a patch makes of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from assay.archives import WorkTree, absolute, unpack, untracked
from assay.executors import EngineError, Job, Taken
from assay.executors.docker import Engine
from assay.repository import apply_patch
from assay.verification.preparation import Prepared, artifact_paths


def patched_artifacts(engine: Engine, prepared: Prepared, patch: bytes, folder: Path) -> Taken:
    """What a verifier receives when `patch` is applied to the image's work tree.

    Artifacts outside the work directory are not in any patch: they come from the image. Raises UsageError when the
    patch does not apply.
    """
    tree, taken = image_tree(engine, prepared, folder / "base", artifact_paths(prepared.file))
    apply_patch(tree.root, patch)
    return tree_artifacts(tree, prepared, taken, folder)


def patched_tree(base: WorkTree, patch: bytes, root: Path) -> WorkTree:
    """A copy of `base` below `root` with `patch` applied. Raises UsageError when it does not apply."""
    shutil.copytree(base.root, root, symlinks=True)
    apply_patch(root, patch)
    return replace(base, root=root)


def image_tree(engine: Engine, prepared: Prepared, root: Path, also: tuple[str, ...] = ()) -> tuple[WorkTree, Taken]:
    """The work tree of the image, unpacked below `root`, and whatever paths are asked for beside it."""
    store = root.with_name(f"{root.name}-archives")
    store.mkdir(parents=True)
    workdir = prepared.file.workdir
    job = Job(prepared.image.record.id, ("true",), workdir, 60, store, collect=(workdir, *also), start=False)
    taken = engine.run(job).taken
    archive = taken[workdir]
    if archive is None:
        raise EngineError(f"the image has no work directory `{workdir}`")
    return unpack(archive, workdir, root), taken


def tracked_copy(base: WorkTree, root: Path) -> None:
    """A copy of `base` below `root` without what no patch ever holds."""
    shutil.copytree(
        base.root, root, symlinks=True, ignore=lambda folder, names: [name for name in names if untracked(name)]
    )


def products(base: WorkTree, artifacts: Iterable[str]) -> Callable[[str], bool]:
    """Which paths of a later work tree are no part of the attempt: untracked ones, and what is built from the rest.

    Built is what the `.gitignore` at the top of the image's own tree names; the agent's copy has no say. What the image
    holds itself, and what is declared as an artifact by name, always counts.
    """
    file = base.root / ".gitignore"
    if file.is_symlink() or not file.is_file():
        return untracked
    from pathspec import GitIgnoreSpec

    ignored = GitIgnoreSpec.from_lines(file.read_text(encoding="utf-8", errors="replace").splitlines()).match_file
    inside = [absolute(path, base.workdir) for path in artifacts]
    names = [path.relative_to(base.workdir).as_posix() for path in inside if base.contains(path)]
    declared = [name for name in names if ignored(name) or ignored(f"{name}/")]

    def skipped(path: str) -> bool:
        if untracked(path):
            return True
        wanted = any(path == name or path.startswith(f"{name}/") for name in declared)
        return not wanted and path not in base.members and ignored(path)

    return skipped


def tree_artifacts(tree: WorkTree, prepared: Prepared, elsewhere: Taken, folder: Path) -> Taken:
    """Each artifact as a tar file: from `tree` when it lies there, else what `elsewhere` has."""
    store = folder / "artifacts"
    store.mkdir(parents=True)
    found: dict[str, Path | None] = {}
    for number, name in enumerate(artifact_paths(prepared.file)):
        path = absolute(name, tree.workdir)
        found[name] = tree.archive(path, store / f"{number}.tar") if tree.contains(path) else elsewhere.get(name)
    return found
