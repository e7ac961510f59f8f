"""What an annotator runs on a state of an attempt: the task's tests, a command or a shell, in fresh containers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from assay.bounded import Bounded
from assay.contents import content_hash
from assay.errors import UsageError
from assay.executors import EngineError
from assay.executors.cast import Cast
from assay.executors.docker import Engine
from assay.executors.terminal import interact
from assay.model.outcome import ImageRecord
from assay.model.run import RecordedRun, RunKind, Stream
from assay.repository import apply_patch
from assay.storage import write_whole
from assay.verification.preparation import Prepared
from assay.verification.separate import verify
from assay.verification.shared import container_with, within
from assay.verification.states import State
from assay.worktree import image_tree, patched_artifacts

KEPT = 256 * 1024
"""Bytes of each output that are kept: it is committed, and people read it."""
LATE = 124
"""Exit status of what did not end in time, as of timeout(1)."""
SHELL = ("sh", "-c", "command -v bash > /dev/null && exec bash; exec sh")


@dataclass
class Ran:
    """One run as it goes; `show` gets every piece of output as it comes."""

    kind: RunKind
    command: tuple[str, ...]
    show: Callable[[bytes], None]
    cast: Cast = field(default_factory=Cast)
    exit_code: int = 0
    seconds: float = 0.0
    tests: dict[str, dict[str, str]] = field(default_factory=dict)
    image: ImageRecord | None = None

    def __post_init__(self) -> None:
        self._begun = time.monotonic()
        self._kept = {"out": Bounded(KEPT), "err": Bounded(KEPT)}
        self._printed = {"out": 0, "err": 0}

    def out(self, piece: bytes) -> None:
        """A piece of standard output."""
        self._take("out", piece)

    def err(self, piece: bytes) -> None:
        """A piece of standard error."""
        self._take("err", piece)

    def _take(self, name: str, piece: bytes) -> None:
        self._kept[name].add(piece)
        self._printed[name] += len(piece)
        self.cast.add(time.monotonic() - self._begun, piece)
        self.show(piece)

    def begin(self) -> None:
        """The clock starts: images and work tree are there."""
        self._begun = time.monotonic()

    def end(self, exit_code: int) -> None:
        """It is over."""
        self.exit_code, self.seconds = exit_code, round(time.monotonic() - self._begun, 3)

    def text(self, name: str) -> bytes:
        """`out` or `err` as it is kept: valid UTF-8, line feeds only."""
        return self._kept[name].value().decode("utf-8", "replace").replace("\r\n", "\n").encode()

    def stream(self, name: str) -> Stream:
        """What the record says of `out` or `err`."""
        digest = hashlib.sha256(self.text(name)).hexdigest()
        return Stream(sha256=digest, bytes=self._printed[name], hidden=self._kept[name].hidden)


def run(engine: Engine, prepared: Prepared, state: State, ran: Ran, seconds: float, folder: Path) -> None:
    """Fill `ran`; a command may take `seconds`. Raises EngineError, UsageError when the patch does not apply."""
    ran.image = prepared.image.record
    if ran.kind == "tests":
        _tests(engine, prepared, state, ran, folder)
        return
    with container_with(engine, prepared, _tree(engine, prepared, state.patch, folder)) as shell:
        ran.begin()
        if ran.kind == "shell":
            workdir = prepared.file.workdir
            watch, user = ran.out, prepared.user or "0"
            ran.end(interact(engine, shell.container, SHELL, workdir=workdir, user=user, watch=watch))
            return
        done = within(shell, seconds, ran.command, {}, prepared.user or "0", ran.out, ran.err)
        late = done.seconds >= seconds and done.exit_code == 137
        if late:
            ran.err(f"\n[stopped: it did not end within {seconds:g} s]\n".encode())
        ran.end(LATE if late else done.exit_code)


def _tree(engine: Engine, prepared: Prepared, patch: bytes, folder: Path) -> Path | None:
    """The work tree with the patch as a tar file; None when it is the image's own."""
    if not patch:
        return None
    workdir = prepared.file.workdir
    if workdir == "/":
        hint = "give `[environment] workdir` in task.toml; without a command, the tests can be run"
        raise UsageError("no-work-directory", "the work directory is the whole file system; it is not put back", hint)
    tree, _ = image_tree(engine, prepared, folder / "base")
    apply_patch(tree.root, patch)
    return tree.archive(PurePosixPath(workdir), folder / "tree.tar")


def _tests(engine: Engine, prepared: Prepared, state: State, ran: Ran, folder: Path) -> None:
    """Tests of all milestones, or of those until the one that the state is of."""
    taken = patched_artifacts(engine, prepared, state.patch, folder)
    names = list(prepared.file.milestones)
    if state.record.kind != "final" and state.record.milestone in names:
        names = names[: names.index(state.record.milestone) + 1]
    ran.begin()
    passed = True
    for name in names:
        done = verify(engine, prepared, name, taken, folder / name)
        report = done.report
        if report.outcome == "invalid-environment":
            raise EngineError(f"the tests of `{name}` could not be run: {report.reason}")
        passed = passed and report.passed is True
        ran.tests[name] = {test.name: test.status for test in report.tests}
        verdict = {True: "passed", False: "failed", None: f"{report.outcome}: {report.reason}"}[report.passed]
        log = done.log if done.log.endswith(b"\n") or not done.log else done.log + b"\n"
        lines = [f"  {test}: {status}\n" for test, status in ran.tests[name].items()]
        ran.out(b"".join((log, f"{name}: {verdict}\n".encode(), *(line.encode() for line in lines))))
    ran.end(0 if passed else 1)


def record_of(ran: Ran, prepared: Prepared, alias: str, annotator: str, state: State) -> RecordedRun:
    """The record of a run that has ended."""
    return RecordedRun(
        format=1,
        task=prepared.task.id,
        alias=alias,
        annotator=annotator,
        kind=ran.kind,
        command=list(ran.command),
        state=state.record,
        exit_code=ran.exit_code,
        seconds=ran.seconds,
        stdout=ran.stream("out"),
        stderr=ran.stream("err"),
        cast_sha256=hashlib.sha256(ran.cast.value()).hexdigest(),
        tests=ran.tests,
        image=prepared.image.record,
        task_sha256=content_hash(prepared.task.folder),
    )


def files_of(ran: Ran) -> Mapping[str, bytes]:
    """What lies beside the record, by suffix; what printed nothing has no file."""
    found = {".out": ran.text("out"), ".err": ran.text("err"), ".cast": ran.cast.value()}
    return {suffix: content for suffix, content in found.items() if content or suffix == ".cast"}


def keep(folder: Path, record: bytes, files: Mapping[str, bytes]) -> str:
    """Store a run under the next number that nobody has used, and return that as it is cited.

    The recording claims the number, the record comes last: two at once get different ones, nothing is overwritten, and
    a reader never meets a record without its files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        used = [int(file.stem) for file in folder.iterdir() if file.stem.isdecimal()]
        name = f"{max(used, default=0) + 1:02d}"
        try:
            with (folder / f"{name}.cast").open("xb") as claim:
                claim.write(files[".cast"])
        except FileExistsError:
            continue
        try:
            for suffix in (".out", ".err"):
                if suffix in files:
                    write_whole(folder / f"{name}{suffix}", files[suffix])
            write_whole(folder / f"{name}.json", record)
        except BaseException:
            if not (folder / f"{name}.json").exists():
                for suffix in (".out", ".err", ".cast"):
                    (folder / f"{name}{suffix}").unlink(missing_ok=True)
            raise
        return name


def commanded(command: Sequence[str], shell: bool) -> RunKind:
    """Which kind of run is asked for."""
    return "shell" if shell else "command" if command else "tests"
