"""The command line as a process sees it: exit codes, help, and what a bug looks like."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from assay import cli
from assay.errors import ExitCode, FatalError

ROOT = Path(__file__).parent.parent


def commands() -> dict[str, click.Command]:
    """Every command of the table, loaded."""
    context = click.Context(cli.assay)
    group = cli.Lazy()
    found = {name: group.get_command(context, name) for name in cli.COMMANDS}
    return {name: command for name, command in found.items() if command is not None}


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_and_its_own_name(name: str) -> None:
    command = commands()[name]
    assert command.name == name
    assert command.help, name
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help or parameter.show_default, parameter.name


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"`assay {name}" in (ROOT / "README.md").read_text()


def test_exit_codes_in_readme_and_help_are_those_of_the_code() -> None:
    codes = [str(code.value) for code in ExitCode]
    readme = (ROOT / "README.md").read_text()
    table = readme.partition("| exit code |")[2]
    assert re.findall(r"^\| (\d+) \|", table, re.M)[: len(codes)] == codes
    assert re.findall(r"^  (\d+) ", cli.EXIT_CODES, re.M) == codes


def test_fatal_errors_carry_known_codes() -> None:
    def below(error: type[FatalError]) -> list[type[FatalError]]:
        return [error, *(leaf for child in error.__subclasses__() for leaf in below(child))]

    assert {error.code for error in below(FatalError)} <= set(ExitCode)


def test_unknown_command_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["chekc"]) == ExitCode.USAGE
    assert "there is no command `chekc`; commands are check," in capsys.readouterr().err


def test_outside_a_workspace_the_message_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check"]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "no-workspace" in error
    assert "assay init" in error


def test_a_bug_ends_in_a_block_to_paste(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command("boom")
    def boom() -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(cli.Lazy, "get_command", lambda self, ctx, name: boom)
    assert cli.main(["check"]) == ExitCode.BUG
    error = capsys.readouterr().err
    assert "defect in Assay" in error
    assert "ZeroDivisionError: planted" in error


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("slow")
    def slow() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Lazy, "get_command", lambda self, ctx, name: slow)
    assert cli.main(["check"]) == ExitCode.INTERRUPTED
