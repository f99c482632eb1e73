"""A pid that the kernel gives to another process is never taken for the first."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corpus import missing
from faults.ledger import Ledger

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]

SCRIPT = Path(__file__).with_name("reuse_pids.py")


def test_a_reused_pid_is_found_out_every_time() -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        missing("choosing the next pid needs root and unshare")
    ledger = Ledger("reused-pid-by-the-hundred", full=100, sample=1)
    ledger.run(lambda _: run_batch(100))
    ledger.allow(0)


def run_batch(count: int) -> str:
    """Run ``count`` reuses in a pid namespace of their own and return what came of them."""
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, str(SCRIPT), str(count)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{count} reused, {count} found out", done.stdout
    return "found out"
