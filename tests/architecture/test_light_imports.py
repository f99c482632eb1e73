"""What ``ps``, ``collect`` and ``doctor`` import must not drag in what costs start-up time (docs/decisions/0001)."""

import subprocess
import sys
from pathlib import Path

import pytest

import dotdump
from dotdump.cli.registry import COMMANDS

HEAVY = {"typing", "dataclasses", "json", "subprocess", "pathlib", "asyncio", "inspect", "logging", "rich", "numpy"}
LIGHT_COMMANDS = [name for name in ("ps", "collect", "doctor") if name in COMMANDS]
LIGHT_FLOORS = ("memory", "formats", "linux", "ipc", "dump")

ANALYSIS_ONLY = ("dotdump.formats.metadata", "dotdump.formats.pe")
"""Formats that only analysis reads: nothing light imports them, so they may import what they like."""

ROOT = Path(dotdump.__file__).parent
LIGHT_MODULES = [
    ".".join(("dotdump", *path.relative_to(ROOT).with_suffix("").parts))
    for floor in LIGHT_FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
    if path.name != "__init__.py"
]


def _new_modules(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", [name for name in LIGHT_MODULES if not name.startswith(ANALYSIS_ONLY)])
def test_importing_a_light_module_imports_nothing_heavy(module: str) -> None:
    assert HEAVY.isdisjoint(_new_modules(f"import {module}"))


@pytest.mark.parametrize("name", LIGHT_COMMANDS)
def test_importing_a_light_command_imports_nothing_heavy(name: str) -> None:
    loaded = _new_modules(f"import dotdump.cli.main, dotdump.cli.console, dotdump.cli.registry as r; r.load({name!r})")
    assert HEAVY.isdisjoint(loaded)


def test_importing_dotdump_imports_nothing_else() -> None:
    assert {name for name in _new_modules("import dotdump") if name.startswith("dotdump")} == {"dotdump"}
