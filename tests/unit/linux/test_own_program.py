import os
import subprocess
import sys

import pytest

from dotdump.errors import CollectError
from dotdump.linux.own_program import own_python


def test_a_python_that_does_not_know_its_own_path_is_found() -> None:
    script = "import sys; from dotdump.linux.own_program import own_python; print([sys.executable, own_python()])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = ["a\x01b", "-c", script]
    done = subprocess.run(
        command, executable=sys.executable, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "['', '/proc/self/exe']\n"


def test_a_program_that_embeds_python_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(os, "readlink", lambda _: "/usr/bin/uwsgi")
    with pytest.raises(CollectError, match="not known which Python"):
        own_python()
