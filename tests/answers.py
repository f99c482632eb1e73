"""Commands run as users run them, in a process of their own, and what they answer as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """The exit code, what the JSON says, and what was said beside it."""

    status: int
    content: dict[str, Any]
    said: str


def answer(*words: object) -> Answer:
    """Run a command that does what is asked for, be it with problems to look at."""
    command = [sys.executable, "-m", "dotdump", *map(str, words), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    return Answer(done.returncode, json.loads(done.stdout), done.stderr)


def asked(*words: object) -> dict[str, Any]:
    """Return the content of such an answer."""
    return answer(*words).content
