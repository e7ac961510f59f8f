"""Labels tell whether the process that made something still lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from assay.executors.owners import abandoned, labels, reap_scratch, scratch

TOOLS = Path(__file__).parents[2] / "tools"


def test_what_this_process_made_is_not_abandoned() -> None:
    assert not abandoned(labels("run"))


def test_a_dead_process_a_reused_id_and_another_host_are_told_apart() -> None:
    mine = labels("run")
    gone = subprocess.Popen(["true"])
    gone.wait()

    assert abandoned(mine | {"assay.pid": str(gone.pid)})
    assert abandoned(mine | {"assay.start": "1"})
    assert not abandoned(mine | {"assay.start": "1", "assay.host": "elsewhere"})
    assert not abandoned({"assay.run": "x"})


def test_scratch_of_the_living_stays_and_of_the_dead_goes() -> None:
    code = (
        "import os\nfrom assay.executors.owners import scratch\n"
        "with scratch() as folder:\n    print(folder, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(TOOLS)}
    killed = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert killed.returncode == -9
    left = Path(killed.stdout.strip())
    with scratch() as mine:
        reap_scratch()
        assert mine.is_dir()

    assert not left.exists()
    assert not mine.exists()


def test_a_folder_of_sockets_goes_wherever_temporary_files_are(tmp_path: Path) -> None:
    code = (
        "import os\nfrom assay.model.agents import AgentSettings\nfrom assay.trials.gateway import Gateway\n"
        "with Gateway(AgentSettings(command=['a'], endpoint='http://127.0.0.1:9')) as gate:\n"
        "    print(gate.folder, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(TOOLS), "TMPDIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert (killed.returncode, left.is_dir()) == (-9, True), killed.stderr
    reap_scratch()
    assert not left.exists()
