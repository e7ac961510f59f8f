import subprocess

CLEAN = "time,value\n2031-06-01T06:00,1\n2031-06-02T06:00,2.5\n2031-06-01T18:00,2\n"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def test_means():
    done = subprocess.run(
        [*NOBODY, "python3", "/app/means.py"], input=CLEAN, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["2031-06-01 1.50", "2031-06-02 2.50"]
