"""Rules that hold while files are read; `assay.documents` reports them."""

from __future__ import annotations

from assay.rules import declare

declare(
    "document-unreadable",
    """Every file that is looked for exists and is UTF-8 text, the file itself.

A Git LFS pointer, an unresolved merge conflict or a file in another encoding would be read as data that nobody wrote.

Bad:
    <<<<<<< HEAD
    minutes: 55
    =======
    minutes: 60
    >>>>>>> second-round

Good:
    minutes: 55
""",
)
declare(
    "document-syntax",
    """Every YAML, TOML and JSON file can be parsed.

Nothing can be said about a file whose structure is broken, so this is reported alone.

Bad:
    rationale: Fixes the tie: rows keep their order.

Good:
    rationale: "Fixes the tie: rows keep their order."
""",
)
declare(
    "yaml-duplicate-key",
    """No mapping has the same key twice.

Parsers keep one of the values silently, and reviewers see the other one.

Bad:
    keeps-order: {holds: true, cites: ["step:4"]}
    keeps-order: {holds: false, cites: ["step:9"]}

Good:
    keeps-order: {holds: false, cites: ["step:9"]}
""",
)
declare(
    "yaml-ambiguous",
    """Every plain value means the same in YAML 1.1, in YAML 1.2 and to a person.

`no` is false in one version and text in the other; `12:30` is 750, `1.10` is 1.1 and `017` is 15 to some parsers.

Bad:
    holds: no
    version: 1.10

Good:
    holds: false
    version: "1.10"
""",
)
declare(
    "yaml-feature",
    """YAML files hold one document of plain mappings, lists and values.

Anchors, aliases, tags and merge keys hide what a file says from those who review it line by line.

Bad:
    calm-heron: &same
      minutes: 5
    brisk-otter: *same

Good:
    calm-heron:
      minutes: 5
    brisk-otter:
      minutes: 5
""",
)
declare(
    "schema",
    """Every record has the fields, the types and the format version that its kind of file asks for.

A misspelt optional field would otherwise be a setting that silently does not hold.

Bad:
    criteria:
      keeps-order: {hold: true}

Good:
    criteria:
      keeps-order: {holds: true}
""",
)
