"""The rule on rules that start at some point."""

from __future__ import annotations

from collections.abc import Iterator

from assay.diagnostics import Diagnostic, Severity
from assay.model.settings import Start
from assay.rules import MODULES, all_rules, rule
from assay.starts import Starts
from assay.workspace import SETTINGS, Workspace


@rule("settings-start", Severity.WARNING, about=SETTINGS)
def settings_start(workspace: Workspace) -> Iterator[Diagnostic]:
    """Where a rule of `assay.toml` starts can be told in this clone, and means something for that rule.

    A rule whose start is unknown holds for everything, so that old records are errors here and valid elsewhere.
    `from_guidelines` is for rules on annotations, since only they name a version.

    Bad:
        [rules.rationale-length]
        severity = "error"
        since = "0000000000000000000000000000000000000000"

    Good:
        [rules.rationale-length]
        severity = "error"
        from_guidelines = 3
    """
    given = {name: start for name, start in workspace.settings.rules.items() if isinstance(start, Start)}
    if not given:
        return
    known, starts = all_rules(), Starts(workspace)
    for name, start in given.items():
        if name not in known:
            continue
        check = known[name].check
        key, message, hint = "", "", ""
        module = check.__module__.rpartition(".")[2] if check else ""
        if start.since is not None and starts.had(start.since) is None:
            key, message = "since", f"`{name}` holds for everything here: this clone has no commit `{start.since[:12]}`"
            hint = "fetch the whole history, `git fetch --unshallow`, or correct the commit"
        elif start.from_guidelines is not None and not {"*", "annotations/*"} & {*MODULES.get(module, ())}:
            key, message = "from_guidelines", f"`{name}` reports on no annotation, so no guidelines say when it starts"
            hint = "name a commit instead: `since`"
        if key:
            position = workspace.documents[SETTINGS].position(("rules", name, key))
            yield Diagnostic.at(SETTINGS, position, "settings-start", message, hint=hint)
