"""A corpus of generated task folders, the same on every machine: sound and defective, of every kind and usual size."""

from __future__ import annotations

import random
from pathlib import Path

SYLLABLES = [first + second for first in "bdfgklmnprstv" for second in "aeio"]
DOCKERFILE = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pytest && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY {what} /app/
"""
RUNNER = """#!/bin/bash
cd /
python3 -I -m pytest -q --noconftest -c /dev/null --rootdir=/tests -p no:cacheprovider /tests
status=$?
case "$status" in
    0) echo 1 > /logs/verifier/reward.txt ;;
    1) echo 0 > /logs/verifier/reward.txt ;;
esac
exit "$status"
"""
DEFECTS = {
    "instruction.md": "",
    "tests/test.sh": "#!/bin/bash\npip install pytest\npytest /tests || true\necho 1 > /logs/verifier/reward.txt\n",
    "tests/test_more.py": "def test_nothing():\n    assert True\n",
    "solution/solve.sh": "#!/bin/bash\ncp /tests/expected.json /app/result.json\n",
    "environment/__pycache__/old.cpython-311.pyc": "binary\0",
    "task.toml": "[verifier\n",
}


def generate(root: Path, count: int, seed: int = 7) -> None:
    """Write `count` task folders below `root`: two thirds single-step, the others with milestones or Terminal-Bench."""
    dice = random.Random(seed)
    for number in range(count):
        words = ["".join(dice.choices(SYLLABLES, k=dice.randint(2, 4))) for _ in range(150)]
        folder = root / f"family-{number % 20:02}" / f"task-{number:04}"
        kind = dice.choices(["single", "steps", "legacy"], [66, 17, 17])[0]
        files = {"single": _single, "steps": _steps, "legacy": _legacy}[kind](dice, sorted(set(words)))
        if kind == "single" and dice.random() < 0.35:
            path, text = dice.choice(list(DEFECTS.items()))
            files[path] = text
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)


def _prose(dice: random.Random, words: list[str], sentences: int) -> str:
    lines = [" ".join(dice.choices(words, k=dice.randint(8, 18))).capitalize() + "." for _ in range(sentences)]
    return "\n".join(lines)


def _settings(dice: random.Random, words: list[str], steps: str = "") -> str:
    return (
        f'schema_version = "1.4"\nartifacts = ["/app/result.json"]\n\n[metadata]\n'
        f'difficulty = "{dice.choice(["easy", "medium", "hard"])}"\ncategory = "{dice.choice(words)}"\n\n'
        '[agent]\ntimeout_sec = 900\n\n[verifier]\ntimeout_sec = 120\nenvironment_mode = "separate"\n\n'
        f'[environment]\ncpus = 1\nmemory_mb = 2048\nworkdir = "/app"\n{steps}'
    )


def _module(dice: random.Random, words: list[str], functions: int) -> str:
    parts = ["import json\n"]
    for number in range(functions):
        a, b = dice.sample(words, 2)
        parts.append(
            f'\ndef {a}_{number}({b}, limit={dice.randint(1, 99)}):\n    """{_prose(dice, words, 1)}"""\n'
            f'    found = [item for item in {b} if item["{a}"] > limit]\n'
            f'    for item in found:\n        item["{b}"] = item["{a}"] * {dice.randint(2, 9)}\n    return found\n'
        )
    return "\n".join(parts)


def _tests(dice: random.Random, keys: list[str], count: int) -> str:
    parts = ['import json\nfrom pathlib import Path\n\nRESULT = Path("/app/result.json")\n']
    for number in range(count):
        key = dice.choice(keys)
        parts.append(
            f"\ndef test_{key}_{number}():\n    result = json.loads(RESULT.read_text())\n"
            f'    values = result["{key}"]\n    assert len(values) == {dice.randint(2, 9)}\n'
            f"    assert sum(values) == {dice.randint(10, 999)}\n"
            f"    for place, value in enumerate(values):\n        assert value >= place * {dice.randint(0, 3)}\n"
        )
    return "\n".join(parts)


def _solution(dice: random.Random, keys: list[str]) -> str:
    body = "\n".join(f'result["{key}"] = [{dice.randint(1, 9)}, {dice.randint(1, 9)}]' for key in keys)
    write = 'with open("/app/result.json", "w") as file:\n    json.dump(result, file)'
    return f"#!/bin/bash\nset -e\npython3 - <<'PY'\nimport json\nresult = {{}}\n{body}\n{write}\nPY\n"


def _told(dice: random.Random, words: list[str], keys: list[str]) -> str:
    wanted = "\n".join(f"- `{key}`: a list of numbers" for key in keys)
    return f"# Task\n\n{_prose(dice, words, dice.randint(8, 25))}\n\nWrite `/app/result.json` with:\n\n{wanted}\n"


def _context(dice: random.Random, words: list[str]) -> dict[str, str]:
    files = {f"environment/app/{name}.py": _module(dice, words, dice.randint(3, 10)) for name in dice.sample(words, 4)}
    rows = "\n".join(f"{dice.choice(words)},{dice.randint(0, 9999)}" for _ in range(dice.randint(50, 1500)))
    files["environment/Dockerfile"] = DOCKERFILE.format(what="app/")
    return files | {"environment/app/data.csv": f"name,value\n{rows}\n"}


def _single(dice: random.Random, words: list[str]) -> dict[str, str]:
    keys = dice.sample(words, 4)
    return _context(dice, words) | {
        "task.toml": _settings(dice, words),
        "instruction.md": _told(dice, words, keys),
        "tests/test.sh": RUNNER,
        "tests/test_result.py": _tests(dice, keys, dice.randint(4, 14)),
        "solution/solve.sh": _solution(dice, keys),
    }


def _steps(dice: random.Random, words: list[str]) -> dict[str, str]:
    names = dice.sample(words, 3)
    tables = "".join(f'\n[[steps]]\nname = "{name}"\n[steps.verifier]\ntimeout_sec = 120\n' for name in names)
    files = _context(dice, words) | {"instruction.md": _prose(dice, words, 3), "tests/test.sh": RUNNER}
    files["task.toml"] = 'multi_step_reward_strategy = "mean"\n' + _settings(dice, words, tables)
    for name in names:
        keys = dice.sample(words, 3)
        files[f"steps/{name}/instruction.md"] = _told(dice, words, keys)
        files[f"steps/{name}/tests/test_{name}.py"] = _tests(dice, keys, dice.randint(3, 8))
        files[f"steps/{name}/solution/solve.sh"] = _solution(dice, keys)
    return files


def _legacy(dice: random.Random, words: list[str]) -> dict[str, str]:
    keys = dice.sample(words, 4)
    told = _told(dice, words, keys).replace("\n", "\n  ")
    return {
        "task.yaml": f"instruction: |-\n  {told}\ndifficulty: medium\nmax_agent_timeout_sec: 900\n",
        "Dockerfile": DOCKERFILE.format(what="data.csv"),
        "data.csv": "name,value\n" + "\n".join(f"{dice.choice(words)},{dice.randint(0, 999)}" for _ in range(400)),
        "docker-compose.yaml": "services:\n  client:\n    build:\n      dockerfile: Dockerfile\n",
        "run-tests.sh": '#!/bin/bash\npython3 -m pytest "$TEST_DIR/test_outputs.py" -rA\n',
        "tests/test_outputs.py": _tests(dice, keys, dice.randint(4, 12)),
        "solution.sh": _solution(dice, keys),
    }
