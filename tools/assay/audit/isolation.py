"""Rules on the wall between agent and verifier: where tests run, as whom, and what guards them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from posixpath import join, normpath

from assay.audit import task_rule
from assay.audit.agent_code import UNPRIVILEGED, python_lines, shell_lines, within, words
from assay.audit.dockerfile import instructions
from assay.audit.folder import Goal, Source, TaskFolder
from assay.audit.images import copied
from assay.audit.python import Module, suite
from assay.audit.shell import Script, script
from assay.audit.statements import Node, runs_tests
from assay.diagnostics import Diagnostic, Severity

_PYTEST = re.compile(r"(^|/)(pytest|py\.test|unittest)$")
_VERIFIER = re.compile(r"tests?\b|verif|grad(e|ing)|expected|truth|checksum|sha256|reward", re.IGNORECASE)


@task_rule("verifier-shared", Severity.WARNING)
def verifier_shared(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The verifier runs in a container of its own.

    In the agent's container every interpreter, library and process may be the agent's; no option of a test runner
    makes up for that.

    Bad:
        [verifier]
        timeout_sec = 120

    Good:
        artifacts = ["/app/out.json"]

        [verifier]
        environment_mode = "separate"
    """
    shared = [goal.name for goal in folder.goals if not goal.separate]
    if folder.kind == "harbor" and folder.document is not None and shared:
        message = "the tests run in the agent's container, where the agent can change how they run"
        hint = 'declare `artifacts` and set `environment_mode = "separate"`'
        yield folder.at_setting(("verifier", "environment_mode"), "verifier-shared", message, hint=hint)


def writable(folder: TaskFolder, goal: Goal) -> tuple[str, ...]:
    """Where the agent's files are while the goal's tests run."""
    places = goal.artifacts if goal.separate else (folder.workdir, "/app", *goal.artifacts)
    return tuple(place for place in places if re.match(r"/+[^/]", place))


def _scripts(folder: TaskFolder) -> Iterator[tuple[Source, Script, Goal]]:
    """Each script that runs tests, once, with the first goal it belongs to."""
    goals = {goal.script: goal for goal in reversed(folder.goals)}
    for source in folder.scripts:
        yield source, script(source.text), goals[source.path]


@task_rule("verifier-writable", Severity.WARNING)
def verifier_writable(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Tests run from a folder that the agent has never written to.

    A `conftest.py`, a `pytest.ini` or a module beside the tests changes what they say, and tests that the agent holds
    are the agent's.

    Bad:
        cp /tests/test_outputs.py /app/ && cd /app && pytest test_outputs.py

    Good:
        cd /tests && python3 -I -m pytest --noconftest -c /dev/null --rootdir /tests /tests
    """
    for source, found, goal in _scripts(folder):
        roots = writable(folder, goal)
        here = ""
        moved = [node.words for node in found.commands if node.name in ("cp", "mv", "ln", "rsync", "install")]
        brought = any(_is_test(found.expand(word)) for argv in moved for word in argv)
        for command in found.commands:
            argv = [found.expand(word) for word in command.argv]
            if command.name == "cd" and len(argv) > 1:
                here = normpath(join(here or "/", argv[1]))
            message = _reached(argv, here, roots, brought, goal.separate) if runs_tests(argv) else ""
            if message:
                hint = "run them where they are mounted, in /tests"
                yield folder.at(source.path, command.line, "verifier-writable", message, hint=hint)


def _is_test(word: str) -> bool:
    return word.startswith(("/tests", "$TEST_DIR", "${TEST_DIR"))


def _reached(argv: Sequence[str], here: str, roots: Sequence[str], brought: bool, separate: bool) -> str:
    """What the agent can do to a run of tests; empty for nothing that can be told."""
    if argv[0].rpartition("/")[2] in ("diff", "cmp"):
        return ""
    runner = next((place for place, word in enumerate(argv) if _PYTEST.search(word)), None)
    paths = [normpath(join(here or "/", word)) for word in argv[1:] if "/" in word and not word.startswith("-")]
    if runner is None:
        own = within(here, roots) or any(within(path, roots) for path in paths)
        return (
            "the tests that decide are the agent's own" if own and not brought and not any(map(_is_test, argv)) else ""
        )
    given = [word for word in argv[runner + 1 :] if re.search(r"/|\.py\b", word) and not word.startswith("-")]
    places = [normpath(join(here or "/", word)) for word in given if "=" not in word]
    if any(within(place, roots) for place in places) or (not places and within(here, roots)):
        return "the tests run in the agent's tree, where its conftest.py, pytest.ini and modules take part"
    guarded = any(
        word.startswith(("--noconftest", "--rootdir", "--confcutdir")) or word in ("-I", "-c") for word in argv
    )
    if separate and within(here, roots) and not guarded:
        return "pytest starts in the agent's tree, where its pytest.ini and modules take part"
    return ""


@task_rule("verifier-runs-agent-code-as-root", Severity.WARNING)
def verifier_runs_agent_code_as_root(folder: TaskFolder) -> Iterator[Diagnostic]:
    """What the agent wrote is executed by an unprivileged process, never by the one that decides.

    Code that runs as root writes the reward itself.

    Bad:
        subprocess.run(["python3", "/app/main.py"])

    Good:
        subprocess.run(["python3", "/app/main.py"], user="nobody")
    """
    for goal in folder.goals:
        user = folder.setting("verifier", "user")
        texts = [*folder.sources(goal.tests, ".py", ".sh")]
        if not goal.separate or user not in (None, "root", 0, "0") or any(UNPRIVILEGED.search(s.text) for s in texts):
            continue
        own = [file.rpartition("/")[2].partition(".")[0] for file in goal.tests]
        roots = writable(folder, goal)
        found = {m.path: [*python_lines(m, roots, own)] for m in suite(folder).modules if m.path in goal.tests}
        for source in texts:
            shell = shell_lines(script(source.text), roots) if source.suffix == ".sh" else ()
            line = min([*shell, *found.get(source.path, ())], default=None)
            if line is not None:
                message = "the agent's code runs as root, in reach of the reward"
                hint = "run it as another user (`setpriv`, `user=`) and decide in the root process"
                yield folder.at(source.path, line, "verifier-runs-agent-code-as-root", message, hint=hint)


@task_rule("guard-decorative", Severity.WARNING)
def guard_decorative(folder: TaskFolder) -> Iterator[Diagnostic]:
    """What is meant to protect the tests stops an agent that is root.

    Root ignores file modes, lifts `chattr +i` and rewrites a checksum that lies within its reach. A file that a later
    layer deletes is still in the image.

    Bad:
        sha256sum -c /app/.checksums && pytest /tests

    Good:
        sha256sum -c /tests/checksums && pytest /tests
    """
    dockerfile = folder.dockerfile
    users = [item.value for item in instructions(dockerfile.text) if item.name == "USER"] if dockerfile else []
    root = folder.setting("agent", "user") in (None, "root", 0, "0") and (users or ["root"])[-1] in ("root", "0")
    for item in instructions(dockerfile.text) if dockerfile and root else ():
        for command in item.script.commands if item.name == "RUN" else ():
            if _locks(command):
                message = f"`{command.name}` does not keep an agent that is root away from anything"
                yield folder.at(dockerfile.path if dockerfile else "", command.line, "guard-decorative", message)
    for each in {each.removed: each for each in copied(folder)}.values():
        if each.removed and dockerfile:
            message = f"`{each.file}` is deleted again, but the layer of line {each.line} keeps it in the image"
            yield folder.at(dockerfile.path, each.removed, "guard-decorative", message)
    for source, found, goal in _scripts(folder):
        roots = writable(folder, goal)
        for command in found.commands:
            checks = re.fullmatch(r"(sha\d+|md5|b2)sum", command.name) and {"-c", "--check"} & set(command.words)
            sums = [found.expand(word) for word in command.words[1:] if not word.startswith("-")]
            if checks and any(within(place, roots) for place in sums):
                message = "the checksums lie where the agent can rewrite them"
                yield folder.at(source.path, command.line, "guard-decorative", message, hint="keep them in tests/")


def _locks(command: Node) -> bool:
    given = command.words[1:]
    if not any(_VERIFIER.search(word) for word in given if word.startswith("/")):
        return False
    if command.name == "chattr":
        return "+i" in given
    return command.name == "chmod" and any(
        re.fullmatch(r"0?[04][04]{2}|0?[67]00|[ugoa]*-[rwx]*w", word) for word in given
    )


@task_rule("verifier-network", Severity.WARNING)
def verifier_network(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The verifier downloads nothing.

    A mirror that is down or a new release of a library changes rewards, and a planted downloader decides them.

    Bad:
        pip install pytest && pytest /tests

    Good:
        RUN pip install pytest==8.3.3          # in the Dockerfile
        pip install --no-index --find-links /tests/wheels checker
    """
    places = {module.path: [*_requests(module)] for module in suite(folder).modules}
    for source in folder.sources(folder.tests, ".sh"):
        found = script(source.text)
        commands = [node for node in found.commands if downloads([found.expand(word) for word in node.argv])]
        places[source.path] = [node.line for node in commands]
    for path, lines in places.items():
        hint = "install it in the image, or ship it in tests/"
        for line in sorted(lines)[:1]:
            yield folder.at(path, line, "verifier-network", "the verifier needs the network", hint=hint)


_INSTALLS = {
    "pip": "install download wheel", "pip3": "install download wheel", "npm": "install ci i", "pnpm": "install add",
    "yarn": "install add", "apt": "install update", "apt-get": "install update", "apk": "add update",
    "dnf": "install update", "yum": "install update", "gem": "install", "cargo": "install fetch", "go": "get install",
    "conda": "install create", "mamba": "install create", "git": "clone fetch pull", "uv": "add sync",
    "poetry": "install", "playwright": "install",
}  # fmt: skip
_REMOTE = re.compile(r"^(https?|ftp|git|ssh)://(?!localhost|127\.|0\.0\.0\.0|\[::1\]|[\w-]+[:/]|[\w-]+$|\$)|^git@")


def downloads(argv: Sequence[str]) -> bool:
    """Whether a command fetches something from beyond the container and its services."""
    if not argv:
        return False
    name, rest = argv[0].rpartition("/")[2], list(argv[1:])
    if name.startswith("python") and rest[:1] == ["-m"]:
        name, rest = (rest[1] if len(rest) > 1 else ""), rest[2:]
    if name == "uv" and rest[:1] == ["pip"]:
        name, rest = "pip", rest[1:]
    if name in ("curl", "wget"):
        return any(_REMOTE.search(word if "://" in word else f"http://{word}") for word in rest if _is_address(word))
    if name == "uvx" or (name == "uv" and rest[:1] == ["run"] and {"--with", "-w"} & set(rest)):
        return "--offline" not in rest
    verb = next((word for word in rest if not word.startswith("-")), "")
    if verb not in _INSTALLS.get(name, "").split() or {"--no-index", "--offline", "--no-download"} & set(rest):
        return False
    wanted = [word for word in rest[rest.index(verb) + 1 :] if not word.startswith("-")]
    if name == "git":
        return verb != "clone" or any(_REMOTE.search(word) for word in wanted)
    return not (wanted and name in ("pip", "pip3") and "--no-deps" in rest and all(map(_is_local, wanted)))


def _is_address(word: str) -> bool:
    return "://" in word or re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", word) is not None


def _is_local(word: str) -> bool:
    return word.startswith(("/", ".")) or word.endswith(".whl")


_FETCHES = {"get", "post", "put", "head", "urlopen", "urlretrieve", "request"}


def _requests(module: Module) -> Iterator[int]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and node.args:
            fetches = module.called(node).rpartition(".")[2] in _FETCHES
            addresses = [str(item.value) for item in node.args[:2] if isinstance(item, ast.Constant)]
            if (fetches and any(map(_REMOTE.search, addresses))) or downloads(words(node, module, {})):
                yield node.lineno


@task_rule("service-not-awaited", Severity.WARNING)
def service_not_awaited(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A service that the verifier starts is waited for before it is used.

    Otherwise the same work passes on a quick machine and fails on a busy one.

    Bad:
        python3 -m http.server 8000 &
        curl -f http://127.0.0.1:8000/

    Good:
        python3 -m http.server 8000 &
        for _ in $(seq 50); do curl -fs http://127.0.0.1:8000/ && break; sleep 0.1; done
    """
    patient = any(_WAITS.search(source.text) for source in folder.sources(folder.tests, ".py"))
    for source, found, _ in _scripts(folder):
        for block, _around in found.walk():
            for place, node in enumerate(block.parts if block.kind == "block" else ()):
                if node.kind == "background" and _used_at_once(block.parts[place + 1 :], patient):
                    message = "what is started here in the background is used before it can be ready"
                    yield folder.at(source.path, node.line, "service-not-awaited", message, hint="wait in a loop")


_WAITS = re.compile(r"sleep|retry|retries|wait|while |poll", re.IGNORECASE)
_CLIENTS = {"curl", "wget", "nc", "psql", "mysql", "redis-cli", "mongosh", "grpcurl", "http", "httpie", "websocat"}


def _used_at_once(following: Sequence[Node], patient: bool) -> bool:
    """Whether a client or a test comes before anything that waits."""
    for node in following:
        if node.kind in ("loop", "function"):
            return False
        for command, _ in _inside(node):
            if _WAITS.search(" ".join(command.words)) or command.name in ("wait", "timeout"):
                return False
            if command.name in _CLIENTS or runs_tests(command.argv):
                return command.name in _CLIENTS or not patient
    return False


def _inside(node: Node) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    return ((each, around) for each, around in Script(node).walk() if each.kind == "command")
