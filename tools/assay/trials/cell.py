"""An agent's container: fresh, without network, with nothing of this machine but the agent's own program.

A model is reached through a port of the loopback device that a small program carries to a socket of this machine.
"""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from assay.contents import context_hash
from assay.executors import EngineError
from assay.executors.docker import Engine, Shell
from assay.executors.pipe import ExecPipe
from assay.model.agents import FOLDER, MODEL_ALIAS, PORT, AgentSettings
from assay.model.session import Isolation
from assay.trials.gateway import SOCKET, Gateway
from assay.verification.preparation import Prepared, resolve

HOME = "/home/agent"
SOCKETS = "/run/model"
BRIDGE = "/run/bridge"
MEMORY_MB = 2048
"""For the agent's own program, beside what the task has for its work: one of them peaks at 680 MB."""
_XDG = {
    "XDG_CONFIG_HOME": f"{HOME}/.config",
    "XDG_DATA_HOME": f"{HOME}/.local/share",
    "XDG_STATE_HOME": f"{HOME}/.local/state",
    "XDG_CACHE_HOME": f"{HOME}/.cache",
}
_BRIDGES = {"perl": "bridge.pl", "python3": "bridge.py"}
"""What an image may have to run the bridge with."""
_BRIDGE = (
    " || ".join(
        f"{{ command -v {program} >/dev/null &&"
        f" {program} {BRIDGE}/{script} {PORT} {SOCKETS}/{SOCKET} {BRIDGE}/ready; }}"
        for program, script in _BRIDGES.items()
    )
    + f" || echo none >{BRIDGE}/none"
)
"""Starts the program that carries connections to the socket, with whatever the image has."""


@dataclass
class Cell:
    """A running container with everything that an agent needs, and a way to run it."""

    shell: Shell
    settings: AgentSettings
    isolation: Isolation
    state_before: Sequence[str]
    """Files in the agent's home before anything was put there, those that came with the image apart."""
    image_home: Sequence[str]
    """What the image has in the agent's home, by its first name there: all agents find the same."""
    environment: Mapping[str, str]
    user: str
    workdir: str
    _sealed: dict[str, Any] = field(default_factory=dict)

    def converse(self, command: Sequence[str]) -> ExecPipe:
        """Start a program of the agent; it sees the listed variables and no others."""
        words = [fill(word, self.workdir) for word in command]
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        if self.settings.protocol != "acp":
            words = ["sh", "-c", 'exec "$@" </dev/null', "sh", *words]
        return self.shell.converse(["env", "-i", *variables, *words], self.user, self.end)

    def run(self, command: list[str], cwd: str) -> tuple[int | None, str]:
        """Run a command of an agent that works from outside; exit status and output."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        line = f"cd {shlex.quote(cwd)} && exec {shlex.join(command)}"
        done = self.shell.execute(["env", "-i", *variables, "sh", "-c", f"{line} 2>&1 </dev/null"], user=self.user)
        return done.exit_code, done.output.decode("utf-8", "replace")

    def read(self, path: str) -> bytes:
        """A file of the container. Raises FileNotFoundError."""
        done = self.shell.execute(["cat", path], user="0")
        if done.exit_code != 0:
            raise FileNotFoundError(path)
        return done.output

    def end(self) -> None:
        """Kill every process of the agent; nothing else has its home."""
        line = (
            "for again in 1 2 3 4 5; do left=; for p in /proc/[0-9]*; do"
            f" tr '\\0' '\\n' <$p/environ | grep -qx 'HOME={HOME}' && kill -KILL ${{p#/proc/}} && left=1; done;"
            " [ $left ] || break; done 2>/dev/null"
        )
        try:  # as the same user: root here may kill processes of others, but not read what they were started with
            self.shell.execute(["sh", "-c", line], user=self.user)
        except EngineError:
            return  # it has gone, and everything in it

    def sealed_facts(self) -> dict[str, Any]:
        """What tells which agent it was."""
        return self._sealed

    def died(self) -> str:
        """How the container ended; empty while it runs."""
        return self.shell.died()

    def out_of_memory(self) -> bool:
        """Whether its memory was used up at any time."""
        return self.shell.out_of_memory()


@contextmanager
def cell(
    engine: Engine, prepared: Prepared, settings: AgentSettings, gateway: Gateway | None, program: Path | None
) -> Iterator[Cell]:
    """A fresh container for one session; it is removed on leaving. Raises EngineError."""
    file = prepared.file
    mounts = {FOLDER: program} if program else {}
    if gateway and settings.place == "container":
        mounts = {**mounts, SOCKETS: gateway.folder}
    own_mb = MEMORY_MB if settings.place == "container" else 0
    limits = replace(prepared.limits, memory_mb=(prepared.limits.memory_mb or MEMORY_MB) + own_mb)
    own = {"LANG": "C.UTF-8", "TZ": "UTC", **resolve(file.environment.env)}
    user = settings.user or prepared.user
    with engine.open(prepared.image, file.workdir, "", own, limits, mounts) as shell:
        isolation = shell.isolation(ours=set(mounts))
        sources = {path: str(source) for path, source in mounts.items()}
        shell.start(_archive(_bridges() if SOCKETS in mounts else {}))
        if SOCKETS in mounts:
            shell.detach(["sh", "-c", _BRIDGE])
        path, before, brought = _home(shell, file.workdir, isolation.mounts)
        shell.put(_archive({name: fill(text, file.workdir) for name, text in settings.files.items()}))
        _ready(shell, user, bridged=SOCKETS in mounts)
        environment = {
            "HOME": HOME,
            **_XDG,
            "PATH": f"{FOLDER}/bin:{FOLDER}/node_modules/.bin:{path}" if program else path,
            "TERM": "dumb",
            **own,
            **{name: fill(value, file.workdir) for name, value in settings.environment.items()},
        }
        sealed = {
            "container": shell.container,
            "mounts": sources,
            "program": _digest(program) if program else None,
            "variables": sorted(environment),
            "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in settings.files.items()},
            "command": list(settings.command),
            "begun": round(time.time(), 3),
        }
        yield Cell(shell, settings, isolation, before, brought, environment, user, file.workdir, sealed)


@cache
def _digest(program: Path) -> str:
    """Of an agent's program, which can be large; once for all trials of this process."""
    return context_hash(program)


def fill(text: str, workdir: str) -> str:
    """A text of the settings with its placeholders filled in."""
    values = {"model": MODEL_ALIAS, "endpoint": f"http://127.0.0.1:{PORT}/v1", "workdir": workdir, "home": HOME}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _home(shell: Shell, workdir: str, mounts: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Make the agent's home.

    Returns the image's search path, the files that were in the home and not in the image, and what the image has there.
    The work tree may lie in it: that is the task's.
    """
    line = f"find {HOME} -path {shlex.quote(workdir)} -prune -o ! -type d -print 2>/dev/null"
    folders = " ".join([HOME, *_XDG.values()])
    made = shell.execute(["sh", "-c", f"printf '%s\\n' \"$PATH\"; {line}; mkdir -p {folders}"], user="0")
    lines = made.output.decode(errors="replace").splitlines()
    if made.exit_code != 0:
        raise EngineError(f"the agent's home cannot be made: {''.join(lines[-1:])}")
    path, *found = lines
    changed = set(shell.changed() if found else ())  # the engine takes its time
    state = [name for name in found if name in changed or any(name.startswith(f"{mount}/") for mount in mounts)]
    brought = {name.removeprefix(f"{HOME}/").partition("/")[0] for name in found if name not in state}
    return path, sorted(state), sorted(brought)


def _bridges() -> dict[str, str]:
    scripts = resources.files("assay.trials") / "container"
    return {f"{BRIDGE}/{name}": (scripts / name).read_text(encoding="utf-8") for name in _BRIDGES.values()}


def _ready(shell: Shell, user: str, bridged: bool) -> None:
    """Give the home to the agent's user, and wait for the bridge: each command costs its start."""
    own = [f"chown -R {shlex.quote(user.split(':')[0])} {HOME}"] if user else []
    found = f"[ -e {BRIDGE}/ready ] && exit 0; [ -e {BRIDGE}/none ] && exit 1"
    wait = [f"for i in $(seq 500); do {found}; sleep 0.02; done; exit 1"] if bridged else []
    if not (own or wait):
        return
    done = shell.execute(["sh", "-c", "; ".join([*own, *wait])], user="0")
    if bridged and done.exit_code != 0:
        raise EngineError("the way to the model cannot be opened in the container: the image needs perl or python3")


def _archive(contents: Mapping[str, str]) -> bytes:
    """A tar archive with text files by absolute path."""
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        for name, text in contents.items():
            info = tarfile.TarInfo(name.lstrip("/"))
            info.size, info.mode = len(text.encode()), 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
    return store.getvalue()
