"""Other readers of .NET dumps, asked as witnesses: ClrMD through the Oracle program."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import corpus


def oracle(verb: str, core: Path, *, seconds: float = 120) -> Any:  # noqa: ANN401 - whatever JSON the verb prints
    """Return what ClrMD says of ``core``: JSON, or for ``objects``, ``edges`` and ``types`` the lines.

    ``verb`` may have words after it, such as the address of ``object``.
    """
    program = Path(os.environ.get("DOTDUMP_TEST_PEERS", "")) / "clrmd" / "bin" / "Oracle.dll"
    runtime = corpus.runtimes()[-1] if corpus.runtimes() else None
    if not program.is_file() or runtime is None or runtime.major < 8:
        corpus.missing("ClrMD to compare with: DOTDUMP_TEST_PEERS names no folder that has it, or no .NET runs it")
    done = subprocess.run(
        [runtime.root / "dotnet", program, verb.split(maxsplit=1)[0], core, *verb.split()[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        env=corpus.corpus_environment(),
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    return done.stdout.splitlines() if verb in ("objects", "edges", "types") else json.loads(done.stdout)
