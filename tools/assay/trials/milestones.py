"""What milestones are in an attempt: a request, a patch of the work tree, and tests that run on a copy of it.

The verdict never comes from the attempt's own container: the work tree becomes a patch, and the tests run on the image
with that patch applied, in containers of their own. Whoever has the repository gets the same results, and whoever
makes the attempt never sees the tests.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from assay.archives import WorkTree, absolute, unpack
from assay.executors import EngineError, Taken
from assay.executors.docker import Engine, Shell
from assay.repository import diff_trees
from assay.verification.preparation import Prepared, artifact_paths
from assay.verification.separate import verify
from assay.verification.solving import Work, missing_solution, write_script
from assay.verification.verdicts import Verified
from assay.worktree import image_tree, patched_tree, products, tracked_copy, tree_artifacts


@dataclass(frozen=True)
class HandedIn:
    """A state of the work tree: its patch against the image's, and what verifiers receive of it."""

    patch: bytes
    taken: Taken
    digest: str
    """Hex SHA-256 of the patch and of artifacts elsewhere: equal when verifiers would receive the same."""


class Start:
    """The work tree before the attempt, below the scratch folder `folder`, and which later paths are no part of it."""

    def __init__(self, engine: Engine, prepared: Prepared, folder: Path) -> None:
        self._engine, self._prepared, self._folder = engine, prepared, folder
        self._tree: WorkTree = image_tree(engine, prepared, folder / "base")[0]
        self._skip: Callable[[str], bool] = products(self._tree, artifact_paths(prepared.file))
        tracked_copy(self._tree, folder / "a")

    def patch(self, shell: Shell) -> bytes:
        """The container's work tree as a patch. Raises EngineError when the directory is gone."""
        workdir = self._prepared.file.workdir
        archive = shell.snapshot(workdir, self._folder / "snapshot.tar")
        if archive is None:
            raise EngineError(f"the work directory `{workdir}` is gone from the container")
        now = unpack(archive, workdir, self._folder / "b", self._skip)
        patch = diff_trees(self._folder / "a", now.root)
        shutil.rmtree(now.root)
        return patch

    def hand_in(self, shell: Shell, name: str) -> HandedIn:
        """The state that `name` stands for; its files go to a folder of that name."""
        patch, folder = self.patch(shell), self._folder / f"at-{name}"
        elsewhere: dict[str, Path | None] = {}
        digest = hashlib.sha256(patch)
        for number, path in enumerate(artifact_paths(self._prepared.file)):
            if not self._tree.contains(absolute(path, self._prepared.file.workdir)):
                elsewhere[path] = self._engine.archive(shell.container, path, self._folder / f"{name}-{number}.tar")
                digest.update(file.read_bytes() if (file := elsewhere[path]) else b"")
        tree = patched_tree(self._tree, patch, folder / "tree")
        return HandedIn(patch, tree_artifacts(tree, self._prepared, elsewhere, folder), digest.hexdigest())


def run_tests(
    engine: Engine, prepared: Prepared, names: Iterable[str], taken: Taken, pool: Executor, folder: Path
) -> dict[str, Verified]:
    """The tests of the milestones `names` on what was taken, side by side; `folder` is scratch space."""
    folder.mkdir(exist_ok=True)
    running = {name: pool.submit(verify, engine, prepared, name, taken, folder) for name in names}
    return {name: future.result() for name, future in running.items()}


def reference_until(shell: Shell, prepared: Prepared, milestone: str, folder: Path) -> None:
    """Apply the reference solutions of all milestones before `milestone`. Raises EngineError when one fails."""
    work = Work(prepared.file.milestones.index(milestone))
    if reason := missing_solution(prepared, work):
        raise EngineError(reason)
    script = write_script(prepared, work, folder / "reference")
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        archive.add(script.folder, "assay", filter=_of_root)
    shell.put(store.getvalue())
    done = shell.execute(script.command, environment=script.environment, user="0")
    shell.execute(["rm", "-rf", "/assay", "/solution", "/logs"], user="0")
    if done.exit_code != 0:
        last = done.output.decode(errors="replace").strip().splitlines()[-1:]
        raise EngineError(f"the reference before `{milestone}` failed: {''.join(last) or 'no output'}")


def _of_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    return info
