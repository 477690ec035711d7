"""The guards hold without privileges: as root, the attacks and the contract are run again by an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = "65534"
ROOT = Path(__file__).parents[2]
BECOME = """
set -e
home=$1; python=$2; shift 2
top=/$(echo "$python" | cut -d/ -f2)
mkdir "$home/aside"
if ! setpriv --reuid=NOBODY --regid=NOBODY --clear-groups sh -c 'exec "$0" -c ""' "$python" 2>/dev/null; then
  real=$(dirname "$(dirname "$python")")
  mount --bind "$real" "$home/aside"
  mount -t tmpfs -o mode=755 tmpfs "$top"
  mkdir -p "$real" && mount --bind "$home/aside" "$real"
fi
exec setpriv --reuid=NOBODY --regid=NOBODY --clear-groups --no-new-privs "$@"
""".replace("NOBODY", NOBODY)
"""In a mount namespace of its own, so that an interpreter inside a private home becomes readable to others."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.getuid() != 0, reason="already an ordinary user")
@pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("setpriv")), reason="needs unshare and setpriv")
@pytest.mark.parametrize("which", ["test_attacks.py and everything", "test_executor.py and not ray"])
def test_an_ordinary_user_is_as_safe(which: str) -> None:
    # Folders that pytest makes for root are closed to others.
    home = Path("/var/tmp") / f"mlestar-test-{os.getpid()}"
    home.mkdir(mode=0o755)
    try:
        os.chown(home, int(NOBODY), int(NOBODY))
        interpreter = os.path.realpath(sys.executable)
        suites = ["tests/execution/test_attacks.py", "tests/contracts/test_executor.py"]
        tests = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--basetemp",
            str(home / "tmp"),
            "-k",
            which,
            *suites,
        ]
        run = subprocess.run(
            ["unshare", "-m", "sh", "-c", BECOME, "sh", str(home), interpreter, *tests],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert " passed" in run.stdout or "100%" in run.stdout
