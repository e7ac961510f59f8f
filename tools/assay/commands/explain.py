"""`assay explain`."""

from __future__ import annotations

import json
from difflib import get_close_matches
from textwrap import indent

import click

from assay.audit import all_task_rules
from assay.errors import UsageError
from assay.rules import Rule, all_rules


@click.command("explain")
@click.argument("rule", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(rule: str | None, form: str) -> None:
    """Say what RULE wants, why, and show a bad and a good example; without RULE, list all rules.

    `assay check` applies the rules of the workspace, `assay audit` those of tasks.

    \b
    Examples:
      assay explain
      assay explain citation-quote
      assay explain --format json
    """
    rules = dict(sorted({**all_rules(), **all_task_rules()}.items()))
    if rule is not None and rule not in rules:
        close = get_close_matches(rule, rules, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "`assay explain` lists all rules"
        raise UsageError("unknown-rule", f"there is no rule `{rule}`", hint)
    chosen = [rules[rule]] if rule else list(rules.values())
    if form == "json":
        click.echo(json.dumps([_row(item) for item in chosen], indent=2, ensure_ascii=False))
    elif rule:
        click.echo(_page(chosen[0]))
    else:
        width = max(map(len, rules))
        for item in chosen:
            click.echo(f"{item.id:<{width}}  {item.severity:<7}  {item.summary}")


def _row(rule: Rule) -> dict[str, str]:
    return {name: str(getattr(rule, name)) for name in ("id", "severity", "summary", "why", "bad", "good")}


def _page(rule: Rule) -> str:
    parts = [f"{rule.id} ({rule.severity})", rule.summary, rule.why]
    for title, example in (("Bad:", rule.bad), ("Good:", rule.good)):
        if example:
            parts.append(f"{title}\n{indent(example, '    ')}")
    return "\n\n".join(part for part in parts if part)
