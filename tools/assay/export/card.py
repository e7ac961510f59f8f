"""The data set's card, as Hugging Face reads it: front matter with one config for each table, then words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.documents import to_yaml
from assay.export import TABLES
from assay.export.selection import LeftOut
from assay.export.writing import Part

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_TEXT = """\
# {title}

{tasks} tasks, {trajectories} attempts of coding agents, {annotators} annotators. The annotations are files of a git
repository, in which every citation was resolved and every quote found before it was merged; this data set was made
from them by Assay {version}.

- Data version: commit `{commit}`, content `{content}`.
- Canary: `{canary}`. This data must not be in a training set that is evaluated on its tasks.
- Splits are by task: all rows of a task are in one.
- Annotators have numbers unless their handles were to be shown; nothing here holds an address of a person.
- Every table is there twice, as Parquet in `data/` and as JSON Lines in `jsonl/`; `manifest.json` has the digests of
  all files.

## Tables

{tables}

Messages have the wire form of OpenAI's chat API; arguments of calls and definitions of tools are JSON strings.
`preferences` holds strict pairs only, and a pair's completions go on after the first answer: they hold the turns of
the user and of the tools as well. Grades of several annotators are rows of their own and are never averaged. An
attempt whose outcome is invalid (a broken environment, an agent that did not start) is no failure and in no table.

## Left out

{left_out}
"""


@dataclass(frozen=True)
class About:
    """What is said of a data set as a whole."""

    title: str
    version: str
    """Of Assay."""
    commit: str
    published: str
    """Date of the commit, ISO 8601."""
    content: str
    """SHA-256 over the records that went out."""
    license: str
    canary: str
    tasks: int
    trajectories: int
    annotators: int


def card(about: About, parts: Iterable[Part], left_out: Iterable[LeftOut]) -> str:
    """README.md."""
    parts = list(parts)
    rows = {table.name: sum(part.rows for part in parts if part.table == table.name) for table in TABLES}
    files = {table.name: [part for part in parts if part.table == table.name] for table in TABLES}
    front = {
        "license": about.license,
        "language": ["en"],
        "pretty_name": about.title,
        "size_categories": [_size(sum(rows.values()))],
        "task_categories": ["text-generation", "reinforcement-learning"],
        "tags": ["coding-agents", "rubrics", "preferences", "process-supervision"],
        "annotations_creators": ["expert-generated"],
        "configs": [_config(name, of_it) for name, of_it in files.items() if of_it],
    }
    tables = [f"| `{table.name}` | {rows[table.name]} | {table.about} |" for table in TABLES]
    stays = [f"- {item.what}: {item.reason}" for item in left_out] or ["Nothing."]
    text = _TEXT.format(
        **{**vars(about), "title": _inline(about.title)},
        tables="\n".join(["| table | rows | what |", "|---|---|---|", *tables]),
        left_out="\n".join(map(_inline, stays)),
    )
    return f"---\n{to_yaml(front, {})}---\n\n{text}"


def _config(name: str, parts: Iterable[Part]) -> Mapping[str, object]:
    return {
        "config_name": name,
        "data_files": [{"split": part.split, "path": part.paths[0]} for part in parts],
        **({"default": True} if name == "preferences" else {}),
    }


def _size(rows: int) -> str:
    below = next((limit for limit in _SIZES if rows < limit), None)
    if below is None:
        return "n>1M"
    words = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
    return words[below]


def _inline(text: str) -> str:
    """One line in which nothing is markup but what the card itself writes."""
    return " ".join(text.replace("<", "&lt;").replace("|", "\\|").split())
