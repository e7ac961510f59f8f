"""The data set described in Croissant 1.0 (mlcommons.org), with the fields of its Responsible AI vocabulary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from assay.export import TABLES
from assay.export.card import About
from assay.export.table import Table, Type
from assay.export.writing import Part

FILE = "croissant.json"
_SPEC = "http://mlcommons.org/croissant/1.0"
_RAI = "http://mlcommons.org/croissant/RAI/1.0"
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_KINDS = {"string": "sc:Text", "int": "sc:Integer", "float": "sc:Float", "bool": "sc:Boolean"}


def croissant(about: About, parts: Iterable[Part], digests: Mapping[str, str]) -> str:
    """croissant.json; `digests` are those of the Parquet files, by path."""
    parts = list(parts)
    used = {part.table for part in parts}
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [_SPEC, _RAI],
        "name": about.title,
        "description": f"{about.trajectories} attempts of coding agents at {about.tasks} tasks, graded and ranked.",
        "license": about.license,
        "url": "./",
        "version": "1.0.0",
        "datePublished": about.published,
        "citeAs": f"{about.title}, commit {about.commit}",
        "keywords": ["coding agents", "rubrics", "preferences", about.canary],
        "rai:dataAnnotationProtocol": "Annotators graded masked attempts against binary criteria, ranked them in tiers "
        "and cited evidence that was checked by machine; see the guidelines of the repository.",
        "rai:dataAnnotationPlatform": f"Assay {about.version}, files in a git repository",
        "rai:dataAnnotationAnalysis": "Grades are given annotator by annotator; contradictions are not averaged.",
        "rai:annotationsPerItem": str(about.annotators),
        "rai:annotatorDemographics": "Not recorded.",
        "rai:machineAnnotationTools": "None: verdicts are those of people; citations were checked by Assay.",
        "distribution": [_file(part.paths[0], digests[part.paths[0]]) for part in parts],
        "recordSet": [
            _records(table, [part for part in parts if part.table == table.name])
            for table in TABLES
            if table.name in used
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _file(path: str, digest: str) -> Mapping[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": "application/x-parquet",
        "sha256": digest,
    }


def _records(table: Table, parts: Iterable[Part]) -> Mapping[str, Any]:
    """Fields read from the first split; the others have the same columns."""
    source = next(iter(parts)).paths[0]
    fields = [_field(f"{table.name}/{name}", name, kind, source) for name, kind in table.columns.items()]
    return {"@type": "cr:RecordSet", "@id": table.name, "name": table.name, "description": table.about, "field": fields}


def _field(place: str, name: str, kind: Type, source: str) -> Mapping[str, Any]:
    """Lists repeat; what is nested deeper is described as text, as Croissant has no columns within columns."""
    inner = kind[0] if isinstance(kind, list) else kind
    return {
        "@type": "cr:Field",
        "@id": place,
        "name": place,
        "dataType": _KINDS[inner] if isinstance(inner, str) else "sc:Text",
        **({"repeated": True} if isinstance(kind, list) else {}),
        "source": {"fileObject": {"@id": source}, "extract": {"column": name}},
    }
