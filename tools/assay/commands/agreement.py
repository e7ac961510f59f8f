"""`assay agreement`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.commands.findings import demand_clean
from assay.commands.keys import private_keys
from assay.workspace import Workspace, find_root, load

if TYPE_CHECKING:
    from assay.results.agreement import Estimate
    from assay.results.annotators import AgreementReport
    from assay.results.gold import GoldScore

KINDS = ("all", "axis", "task", "criterion", "pair", "without", "judge")


@click.command("agreement")
@click.option("--by", "kinds", multiple=True, type=click.Choice(KINDS), help="Without it: all but single criteria.")
@click.option("--without", multiple=True, metavar="HANDLE", help="Leave an annotator out; repeatable.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Of the resampling; without it, one that follows from the data."
)
@private_keys("--key", ", of a coordinator: adds how often each gave the answers that are known.")
@click.option("--pool-versions", is_flag=True, help="Put annotations under other guidelines or rubrics in as well.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(
    kinds: tuple[str, ...],
    without: tuple[str, ...],
    seed: int | None,
    keys: tuple[Path, ...],
    pool_versions: bool,
    form: str,
) -> None:
    """Say how far annotators agree, in verdicts and in rankings, and how each of them judges.

    Several coefficients stand side by side, each with the number of units that were judged twice, an interval over
    resampled units, or the reason why it has none: on criteria that nearly everything passes, one alone misleads.
    Refuses while `assay check` reports errors in annotations.

    \b
    Examples:
      assay agreement
      assay agreement --by criterion --format csv > criteria.csv
      assay agreement --without rater-2
    """
    from assay.results.annotators import agreement

    workspace = load(find_root(Path.cwd()))
    demand_clean(workspace, "nothing computed", "annotations/")
    report = agreement(
        workspace,
        pool_versions=pool_versions,
        without=without,
        exposed=_exposed(workspace),
        gold=_gold(workspace, keys),
        seed=seed,
    )
    chosen = kinds or tuple(kind for kind in KINDS if kind != "criterion")
    options = {"by": chosen, "without": sorted(without), "pool_versions": pool_versions, "gold": bool(keys)}
    render = {"table": _table, "json": _json, "csv": _csv}[form]
    click.echo(render(report, options))


def _exposed(workspace: Workspace) -> Mapping[str, str]:
    """Annotations that could have been written with the others in view, where the policy asks for branches."""
    from assay.rules.exposure import check_exposure

    return {item.path: "exposed to another annotator's" for item in check_exposure(workspace)}


def _gold(workspace: Workspace, keys: tuple[Path, ...]) -> Mapping[str, GoldScore] | None:
    """Scores by annotator, for those who can open the answers."""
    if not keys:
        return None
    from fractions import Fraction

    from assay.results.gold import gold_scores
    from assay.sealing.gold import open_gold

    found = gold_scores(workspace, open_gold(workspace.root, keys).tasks, Fraction(4, 5))
    return {score.annotator: score for score in found}


def rows(report: AgreementReport, kinds: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """One flat row for each coefficient; None where nothing can be said, and `why` says why."""
    for group in report.groups:
        if group.kind in kinds:
            for name, estimate in group.estimates.items():
                place = {"of": "verdicts", "by": group.kind, "name": group.name, "coefficient": name}
                shares = {"passed": _round(group.passed), "unclear": _round(group.unclear)}
                yield place | _flat(estimate) | shares
    for order in report.orders:
        for name, estimate in order.estimates.items():
            coefficient, who = order.labels(name)
            place = {"of": "rankings", "by": "task", "name": f"{order.task}: {who}", "coefficient": coefficient}
            yield place | _flat(estimate) | {"passed": None, "unclear": None}
    for name, estimate in report.scores:
        place = {"of": "reviews", "by": "score", "name": name, "coefficient": "ordinal alpha"}
        yield place | _flat(estimate) | {"passed": None, "unclear": None}
    for profile in report.profiles:
        of = {"severity": profile.severity, "accuracy": profile.accuracy, "gold": profile.gold}
        for name, estimate in {**of, "guesses": profile.guessed}.items():
            place = {"of": "annotators", "by": "annotator", "name": profile.annotator, "coefficient": name}
            yield place | _flat(estimate) | {"passed": _round(profile.passed), "unclear": None}


def _flat(estimate: Estimate) -> dict[str, Any]:
    interval = estimate.interval
    return {
        "value": _round(estimate.value),
        "low": _round(interval.low if interval else None),
        "high": _round(interval.high if interval else None),
        "n": estimate.n,
        "why": estimate.why,
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _json(report: AgreementReport, options: Mapping[str, Any]) -> str:
    from assay.results.annotators import HOW_TO_READ

    profiles = [
        {
            "annotator": profile.annotator,
            "annotations": profile.annotations,
            "verdicts": profile.verdicts,
            "citations_per_verdict": _round(profile.citations),
            "minutes": profile.minutes,
            "first_shown_above": profile.first_shown[0],
            "first_shown_below": profile.first_shown[1],
            "first_shown_p": _round(profile.first_shown[2]),
            "guesses": asdict(profile.guesses) if profile.guesses else None,
        }
        for profile in report.profiles
    ]
    head = {**report.version.columns(), "seed": report.seed, "options": options, "how_to_read": HOW_TO_READ}
    found = list(rows(report, options["by"]))
    return json.dumps({**head, "rows": found, "annotators": profiles, "left_out": report.left_out}, indent=2)


def _csv(report: AgreementReport, options: Mapping[str, Any]) -> str:
    made = {**report.version.columns(), "seed": report.seed, "without": " ".join(options["without"])}
    made["pool_versions"] = options["pool_versions"]
    out, found = io.StringIO(), [row | made for row in rows(report, options["by"])]
    names = ["of", "by", "name", "coefficient", "value", "low", "high", "n", "why", "passed", "unclear", *made]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue().rstrip("\n")


def _left_out(report: AgreementReport) -> list[str]:
    return [f"left out: {path}: {reason}" for path, reason in report.left_out.items()]


def _table(report: AgreementReport, options: Mapping[str, Any]) -> str:
    from rich.console import Console

    from assay.reporters.agreement import tables
    from assay.results.annotators import HOW_TO_READ, no_interval, no_value

    if not report.groups:
        return "\n".join(["no agreement: there is no annotation yet, or none that may be used.", *_left_out(report)])
    text = io.StringIO()
    console = Console(file=text, width=140)
    for table in tables(report, options["by"]):
        console.print(table)
        console.print()
    lines = [line.rstrip() for line in text.getvalue().rstrip().splitlines()]
    said = [why(report, options["by"]) for why in (no_interval, no_value)]
    lines += ["", *filter(None, said), *_left_out(report)]
    lines += ["", *(f"{name}: {words}." for name, words in HOW_TO_READ.items())]
    asked = [f"without {', '.join(options['without'])}"] if options["without"] else []
    asked += ["versions pooled"] if options["pool_versions"] else []
    lines.append(f"{report.version}, seed {report.seed}{''.join(f', {item}' for item in asked)}.")
    return "\n".join(lines)
