"""`assay rank`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from assay.commands.findings import demand_clean
from assay.errors import UsageError
from assay.workspace import find_root, load

if TYPE_CHECKING:
    from assay.results.ballots import Agents, By


@click.command("rank")
@click.option("--why", "which", metavar="TASK/ALIAS", help="Instead of tables: what the place of one attempt rests on.")
@click.option(
    "--by",
    type=click.Choice(["task", "axis", "milestone", "category"]),
    help="Tables for each axis of the rubric, milestone, or category of tasks; `task` keeps aliases although their "
    "agents are known.",
)
@click.option(
    "--agents",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help='Who made what, instead of the openings: a JSON object {"task": {"alias": "agent"}}.',
)
@click.option("--without", multiple=True, metavar="HANDLE", help="Leave an annotator out; repeatable.")
@click.option("--without-guessed", is_flag=True, help="Drop grades whose annotator guessed the agent.")
@click.option("--must-pass-only", is_flag=True, help="Order attempts by the must-pass criteria alone.")
@click.option("--guidelines", type=click.IntRange(min=1), metavar="VERSION", help="Only what was made under these.")
@click.option("--pool-versions", is_flag=True, help="Put annotations under other guidelines or rubrics in as well.")
@click.option("--bootstraps", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option(
    "--seed", type=click.IntRange(min=0), help="Of the bootstrap; without it, one that follows from the data."
)
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(
    which: str | None,
    by: str | None,
    agents: Path | None,
    without: tuple[str, ...],
    without_guessed: bool,
    must_pass_only: bool,
    guidelines: int | None,
    pool_versions: bool,
    bootstraps: int,
    seed: int | None,
    form: str,
) -> None:
    """Rank the trajectories from the annotations, with rank ranges and every caveat the data demand.

    Aliases are ranked task by task, since an alias means nothing outside its task; once identities are open, agents
    over all tasks. Results of tests rank too, in tables of their own: of agents, and of attempts that nobody has
    graded. Tasks with an open blocking escalation, attempts whose outcome is invalid, and annotations made under other
    guidelines or another rubric than the rest of their task are left out and named. Refuses while `assay check`
    reports errors in annotations: a ranking of unchecked grades is a rumour.

    \b
    Examples:
      assay rank
      assay rank --format csv > ranking.csv
      assay rank --by axis --without rater-2
      assay rank --why ledger-loader/auburn-squid
    """
    from assay.reporters import ranking, whys
    from assay.results.ballots import Options
    from assay.results.ranking import rank_workspace
    from assay.results.why import why

    workspace = load(find_root(Path.cwd()))
    demand_clean(workspace, "nothing ranked", "annotations/")
    options = Options(
        by=cast("By | None", by),
        bootstraps=bootstraps,
        seed=seed,
        pool_versions=pool_versions,
        guidelines=guidelines,
        without=tuple(sorted(set(without))),
        without_guessed=without_guessed,
        must_pass_only=must_pass_only,
    )
    if which is not None:
        reasons = why(workspace, which, options)
        click.echo({"table": whys.as_table, "json": whys.as_json, "csv": whys.as_csv}[form](reasons))
        return
    report = rank_workspace(workspace, _agents(agents), options)
    click.echo({"table": ranking.as_table, "json": ranking.as_json, "csv": ranking.as_csv}[form](report))


def _agents(file: Path | None) -> Agents | None:
    if file is None:
        return None
    from assay.documents import read

    document, _ = read(file, str(file))
    data = document.data if document else None
    if not isinstance(data, dict) or not all(
        isinstance(aliases, dict) and all(isinstance(name, str) for name in aliases.values())
        for aliases in data.values()
    ):
        raise UsageError("agents-file", f"{file} is not a map of agents", 'write JSON: {"task": {"alias": "agent"}}')
    return data
