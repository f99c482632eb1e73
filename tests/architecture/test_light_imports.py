"""What ``ps``, ``collect`` and ``doctor`` import must not drag in what costs start-up time (docs/decisions/0001)."""

import subprocess
import sys

import pytest

HEAVY = {"typing", "dataclasses", "json", "subprocess", "pathlib", "asyncio", "inspect", "rich"}
LIGHT = ["dotdump.formats.elf", "dotdump.formats.notes", "dotdump.formats.core_notes", "dotdump.formats.registers"]


@pytest.mark.parametrize("module", LIGHT)
def test_importing_a_light_module_imports_nothing_heavy(module: str) -> None:
    script = f"import sys; import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())
