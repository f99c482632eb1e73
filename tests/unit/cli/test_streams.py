"""The standard streams of a process of ours."""

import os
import subprocess
import sys
from threading import Thread

import pytest

from dotdump.cli.streams import WholeWriter

ANSWER = os.urandom(300_000)


def test_all_of_an_answer_goes_into_a_pipe_that_somebody_made_non_blocking() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    full = os.write(writing, bytes(1 << 20))
    with os.fdopen(reading, "rb") as reader:
        thread = Thread(target=WholeWriter(writing).write, args=(ANSWER,))
        thread.start()
        assert reader.read(full + len(ANSWER)) == bytes(full) + ANSWER
        thread.join()
    os.close(writing)


@pytest.mark.parametrize(("unbuffered", "buffers"), [("", ["BufferedWriter"] * 2), ("1", ["WholeWriter"] * 2)])
def test_streams_stay_as_buffered_as_they_are(unbuffered: str, buffers: list[str]) -> None:
    script = """
import sys
from dotdump.cli import main
main.main = lambda: print(*(type(stream.buffer).__name__ for stream in (sys.stdout, sys.stderr))) or 0
main.run_process()
"""
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (buffers, "")
