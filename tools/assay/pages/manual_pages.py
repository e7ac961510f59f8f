"""What people look up: the guidelines that annotators follow, and every command."""

from __future__ import annotations

from collections.abc import Mapping

from assay.pages import links, markup, prose
from assay.pages.inert import inline, raw
from assay.workspace import Workspace

GUIDELINES = "annotations/guidelines.md"


def guidelines(workspace: Workspace) -> str:
    """The guidelines of this workspace as they stand, with their version."""
    file = workspace.root / GUIDELINES
    if not file.is_file():
        return f"{markup.front_matter('Guidelines')}\n# Guidelines\n\nThere is no `{GUIDELINES}`.\n"
    text = file.read_text(encoding="utf-8", errors="replace")
    version = f"Version {workspace.guidelines}, from" if workspace.guidelines else "From"
    lead = f"{version} `{GUIDELINES}`.\n{{: .as-quiet }}"
    return f"{markup.front_matter('Guidelines')}\n# Guidelines\n\n{lead}\n\n{prose.render(prose.without_title(text))}\n"


def commands(helps: Mapping[str, str]) -> str:
    """What `assay COMMAND --help` prints, for each command; `helps` is in the order in which people meet them."""
    pieces = [
        markup.front_matter("Commands"),
        "\n# Commands\n\nEach says the same with `--help`.\n{: .as-lead }\n\n",
        " ".join(links.link(f"`{name}`", links.COMMANDS, links.COMMANDS, links.command_anchor(name)) for name in helps),
        "\n",
    ]
    for name, text in helps.items():
        body = f'<div class="as-out">{markup.code(raw(text.rstrip()), f"help of {inline(name)}")}</div>\n'
        pieces.append(f"\n## assay {inline(name)} {{#{links.command_anchor(name)}}}\n\n{body}")
    return "".join(pieces)
