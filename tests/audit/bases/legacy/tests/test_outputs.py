from pathlib import Path

LOG = Path("/app/access.log")


def test_missing():
    expected = []
    for line in LOG.read_text().splitlines():
        _, path, status = line.split()
        if status == "404" and path not in expected:
            expected.append(path)
    assert Path("/app/missing.txt").read_text().splitlines() == expected
