import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from corpus import missing, runtimes
from dotdump.cli.commands.demo import LEAK_STEPS, STEPS

pytestmark = pytest.mark.live

DEMO = [sys.executable, "-m", "dotdump", "demo"]


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty directory with a path short enough for a socket in it."""
    with TemporaryDirectory(dir="/tmp", prefix="dd-") as directory:
        yield Path(directory)


@pytest.fixture
def environment(place: Path) -> dict[str, str]:
    if not any(runtime.major == 8 for runtime in runtimes()):
        missing("the demo runs on .NET 8")
    return os.environ | {"TMPDIR": str(place)}


def test_the_demo_goes_through_every_step_and_leaves_nothing(environment: dict[str, str], place: Path) -> None:
    done = subprocess.run(DEMO, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    for step in (*STEPS, *LEAK_STEPS):
        assert step.sentence in done.stdout
    two_dumps, suspects, live = done.stdout.split("# ")[-3:]
    for shown in (two_dumps, suspects, live):
        assert "static Corpus.LeakScenario.Cache" in shown
    for shown in (two_dumps, live):
        assert "+10,000 objects, +320,000 bytes" in shown
    assert list(place.iterdir()) == []


def test_ctrl_c_during_the_demo_leaves_no_process_and_no_file(environment: dict[str, str], place: Path) -> None:
    with subprocess.Popen(DEMO, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        while not demo.stdout.readline().startswith("$ "):
            assert demo.poll() is None
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
    assert demo.returncode == -signal.SIGINT
    assert children
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert list(place.iterdir()) == []
