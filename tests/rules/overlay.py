"""The workspace that the rule tests start from, and the overlays that break it or nearly do.

`base/` is a valid workspace. An overlay is a folder: its files replace those of the base, `NAME.delete` deletes NAME,
and `NAME.edit` holds replacements `old` / `====` / `new`, separated by `----` lines, whose old text must occur exactly
once. Digests are filled in last, so a file can be changed without making its session stale. `commits.txt` holds the
message of a commit with which everything is put under version control; what lies in `later/` is changed afterwards.
Each folder of `landed/` is one commit of `main` before that. `@seal ANNOTATOR STAGE@` in a seal is the commitment to
the annotation of the overlay under the salt `11…`, `@main@` in a reveal the head of `main`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

from assay.contents import content_hash
from assay.documents import read
from assay.sealing.grades import promise

HERE = Path(__file__).parent
BASE = HERE / "base"
_SEAL = re.compile(r"@seal (\S+)( 1)?@")
_DIGEST = re.compile(r"@sha256 ([^@]+)@")


def build(root: Path, *overlays: Path) -> Path:
    """Write the base workspace to `root` and lay `overlays` over it."""
    shutil.copytree(BASE, root, dirs_exist_ok=True)
    for overlay in overlays:
        lay(root, overlay)
    return finish(root)


def finish(root: Path) -> Path:
    """Fill in digests, commit where `commits.txt` asks for it, and change afterwards what lies in `later/`."""
    fill(root)
    if (root / "commits.txt").exists():
        commit(root)
    if (root / "later").exists():
        shutil.copytree(root / "later", root, dirs_exist_ok=True)
        shutil.rmtree(root / "later")
    return root


def commit(root: Path) -> None:
    """Put everything on a branch beside an empty `main`, with the message that commits.txt holds."""
    message, landed = root / "commits.txt", root / "landed"
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    for arguments in (("init", "-q", "-b", "main"), ("commit", "-q", "--allow-empty", "-m", "Start")):
        subprocess.run([*git, *arguments], check=True)
    shutil.copytree(root / "annotations", root / "final")
    for folder in sorted(landed.iterdir()) if landed.is_dir() else ():
        shutil.copytree(folder, root, dirs_exist_ok=True)
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        subprocess.run([*git, "add", *names], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "Land"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True).stdout.strip()
    shutil.copytree(root / "final", root / "annotations", dirs_exist_ok=True)
    for reveal in root.glob("annotations/*/*.reveal.json"):
        reveal.write_bytes(reveal.read_bytes().replace(b"@main@", head))
    for scaffold in (root / "final", landed):
        shutil.rmtree(scaffold, ignore_errors=True)
    subprocess.run([*git, "checkout", "-q", "-b", "more-runs"], check=True)
    subprocess.run([*git, "add", "tasks", "trajectories", "annotations"], check=True)
    subprocess.run([*git, "commit", "-q", "-F", str(message)], check=True)


def lay(root: Path, overlay: Path) -> None:
    """Apply one overlay."""
    for source in sorted(path for path in overlay.rglob("*") if path.is_file()):
        target = root / source.relative_to(overlay)
        if source.suffix == ".delete":
            delete(target.with_suffix(""))
        elif source.suffix == ".edit":
            edit(target.with_suffix(""), source.read_text(encoding="utf-8"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def delete(target: Path) -> None:
    """Remove a file or a folder that must be there."""
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()


def edit(target: Path, script: str) -> None:
    """Replace texts that occur exactly once."""
    text = target.read_text(encoding="utf-8")
    for block in script.split("\n----\n"):
        old, _, new = block.partition("\n====\n")
        new = new.removesuffix("\n")
        assert text.count(old) == 1, f"{target}: {text.count(old)} places match {old!r}"
        text = text.replace(old, new)
    target.write_text(text, encoding="utf-8")


def fill(root: Path) -> None:
    """Put digests where files ask for them: reports first, because sessions cover them."""
    for report in sorted(root.glob("trajectories/*/*/tests/*.json")):
        _replace(report, report.parents[1])
    for session in sorted(root.glob("trajectories/*/*/session.json")):
        _replace(session, session.parent)
    for calibration in sorted(root.glob("tasks/*/calibration.json")):
        digest = content_hash(calibration.parent).encode()
        calibration.write_bytes(calibration.read_bytes().replace(b"@content@", digest))
        _replace(calibration, calibration.parent)
    for escalation in sorted(root.glob("annotations/*/escalations/*.yaml")):
        digest = content_hash(root / "tasks" / escalation.parents[1].name).encode()
        escalation.write_bytes(escalation.read_bytes().replace(b"@content@", digest))
    for run in sorted(root.glob("annotations/*/evidence/*/*.json")):
        digest = content_hash(root / "tasks" / run.parents[2].name).encode()
        run.write_bytes(run.read_bytes().replace(b"@content@", digest))
        _replace(run, root)
    for rerun in sorted(root.glob(".assay/reruns/*/*/*.json")):
        _replace(rerun, root)
    for annotation in sorted(root.glob("annotations/*/*.yaml")):
        rubric = root / "tasks" / annotation.parent.name / "rubric.yaml"
        graded = blob_id(rubric.read_bytes() if rubric.is_file() else b"").encode()
        annotation.write_bytes(annotation.read_bytes().replace(b"@rubric@", graded))
    for review in sorted(root.glob("annotations/*/reviews/*.yaml")):
        read_then = blob_id((review.parents[1] / "rater-1.yaml").read_bytes()).encode()
        review.write_bytes(review.read_bytes().replace(b"@annotation@", read_then))
    for seal in sorted(root.rglob("*.seal.json")):
        rubric = root / "tasks" / seal.parent.name / "rubric.yaml"
        text = seal.read_text(encoding="utf-8").replace("@rubric@", blob_id(rubric.read_bytes()))
        given = partial(_promise, root / "annotations" / seal.parent.name)
        seal.write_text(_SEAL.sub(given, text), encoding="utf-8")


def _promise(folder: Path, named: re.Match[str]) -> str:
    document, _ = read(folder / f"{named[1]}.yaml", "annotation.yaml")
    assert document
    criteria = ("merges-rows", "keeps-order", "readable-names")
    return promise(folder.name, named[1], 1 if named[2] else None, "11" * 32, document.data, {}, criteria)


def blob_id(content: bytes) -> str:
    """Git's object id of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _replace(file: Path, folder: Path) -> None:
    def digest(match: re.Match[str]) -> str:
        target = folder / match[1]
        return hashlib.sha256(target.read_bytes() if target.is_file() else b"").hexdigest()

    text = file.read_text(encoding="utf-8")
    file.write_text(_DIGEST.sub(digest, text), encoding="utf-8")
