"""What is checked: every rule with its reason, a bad and a good example."""

from __future__ import annotations

from itertools import groupby
from textwrap import indent

from assay.pages import markup
from assay.pages.inert import worded
from assay.rules import Rule, all_rules


def page() -> str:
    """Markdown of the page; the anchor of a rule is its id."""
    head = f"{markup.front_matter('Rules')}\n# Rules\n\n"
    lead = "What `assay check` asks of every file, and why. `[rules]` in `assay.toml` sets how grave each is."
    rules = all_rules().values()
    listing = [
        f"- {', '.join(f'[`{rule.id}`](#{rule.id})' for rule in group)}\n"
        for _, group in groupby(rules, lambda rule: rule.id.partition("-")[0])
    ]
    return f"{head}{lead}\n{{: .as-lead }}\n\n" + "".join(listing) + "\n" + "\n".join(map(_section, rules))


def _section(rule: Rule) -> str:
    parts = [f"## {rule.id} {{#{rule.id}}}", f"{markup.tag(str(rule.severity))} {worded(rule.summary)}"]
    parts += [worded(" ".join(paragraph.split())) for paragraph in rule.why.split("\n\n")]
    for title, example in (("Bad", rule.bad), ("Good", rule.good)):
        parts.append(f"**{title}**\n\n{indent(example, '    ')}")
    return "\n\n".join(parts) + "\n"
