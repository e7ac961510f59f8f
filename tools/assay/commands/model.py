"""`assay model`."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import get_args

import click

from assay.model.agents import MODEL_ALIAS, PolicyName
from assay.workspace import find_root, load


@click.command("model")
@click.argument("policy", type=click.Choice(get_args(PolicyName)))
@click.option("--task", required=True, metavar="TASK", help="Whose milestones and reference solution it knows.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="On the loopback device; 0 takes a free one.")
def command(policy: PolicyName, task: str, port: int) -> None:
    """Serve a scripted model for TASK until Ctrl-C, for dry runs and teaching with any agent.

    Prints the base address of an OpenAI-compatible API (chat completions and responses). Give it to an agent as its
    endpoint, with any key and any model name. The agent really carries out what the script says, also where that is
    destructive: let it work in a container or in a copy.

    \b
    Example:
      assay model strong --task ledger-loader --port 8901
    """
    from assay.agents.policies import load_material
    from assay.agents.scripted_model import serve

    material = load_material(load(find_root(Path.cwd())).task(task).folder)
    with serve(material, policy, port) as url, suppress(KeyboardInterrupt):
        click.echo(url)
        click.echo(f"policy `{policy}` as model `{MODEL_ALIAS}`; Ctrl-C ends it", err=True)
        threading.Event().wait()
