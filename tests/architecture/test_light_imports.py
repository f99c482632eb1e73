"""What a short command must not import: each of these costs a good part of what the whole command may."""

import subprocess
import sys

import pytest

HEAVY = {
    "argparse", "collections", "ctypes", "dataclasses", "enum", "functools", "gettext", "inspect", "json", "locale",
    "pathlib", "re", "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "typing",
}  # fmt: skip
SCRIPT = """
from dotdump.cli.main import run_process
try:
    run_process()
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--version"], ["ps"], ["ps", "--format", "text"]], ids=" ".join)
def test_a_short_command_imports_nothing_heavy(words: list[str]) -> None:
    bare = [sys.executable, "-I", "-S", "-X", "frozen_modules=on", "-c"]
    places = f"import sys; sys.path[:0] = {sys.path!r}; "
    done = subprocess.run([*bare, places + SCRIPT, *words], capture_output=True, text=True, check=True, timeout=60)
    imported = set(done.stderr.splitlines()[-1].split())
    assert "dotdump.cli.streams" in imported
    assert not imported & HEAVY


def test_who_looks_at_rights_before_a_dump_imports_no_sockets() -> None:
    script = f"import sys; sys.path[:0] = {sys.path!r}; import dotdump.dump.own_method; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert not {"_socket", "dotdump.ipc.state"} & set(done.stdout.split())


@pytest.mark.parametrize("words", [["roots", "/nowhere/core", "Order[]"], ["roots", "/nowhere/core", "7f0010000028"]])
def test_a_plain_question_for_roots_needs_no_argparse(words: list[str]) -> None:
    places = f"import sys; sys.path[:0] = {sys.path!r}; "
    command = [sys.executable, "-I", "-S", "-c", places + SCRIPT, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "argparse" not in done.stderr.splitlines()[-1].split()
