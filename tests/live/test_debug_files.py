"""Separate files of symbols as the tools make them that distributions use."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from corpus import missing
from dotdump.target.debug_files import find_debug_file
from dotdump.target.elf_files import find_elf_file
from native import compiled

if TYPE_CHECKING:
    from pathlib import Path

    from dotdump.target.elf_files import ElfFile

pytestmark = pytest.mark.live
FORMS = {
    "program": ("-no-pie",),
    "program at any address": ("-pie", "-fPIE"),
    "library": ("-shared", "-fPIC"),
}


def build_id_of(path: Path) -> bytes:
    printed = subprocess.run(["readelf", "-n", str(path)], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(printed.partition("Build ID: ")[2].split()[0])


def stripped(tool: str, whole: Path, folder: Path) -> tuple[Path, Path]:
    """The file without its symbols, and the separate one that has them."""
    if shutil.which(tool) is None:
        missing(f"{tool} is not installed")
    file, symbols = folder / whole.name, folder / "symbols" / f"{whole.name}.debug"
    symbols.parent.mkdir()
    shutil.copy(whole, file)
    if tool == "eu-strip":
        subprocess.run([tool, "-f", str(symbols), str(file)], check=True)
    else:
        subprocess.run([tool, "--only-keep-debug", str(file), str(symbols)], check=True)
        subprocess.run(["strip", str(file)], check=True)
    return file, symbols


def names(file: ElfFile | None) -> set[str]:
    assert file is not None
    found = {symbol.name for table in file.symbol_tables() for symbol in table}
    file.space.close()
    return found


@pytest.mark.parametrize("tool", ["eu-strip", "objcopy"])
@pytest.mark.parametrize("form", FORMS)
def test_a_separate_file_of_any_tool_has_the_symbols_of_the_whole(form: str, tool: str, tmp_path: Path) -> None:
    whole = compiled("threads", FORMS[form])
    file, symbols = stripped(tool, whole, tmp_path)
    build_id = build_id_of(file)
    separate = names(find_debug_file(str(file), build_id, (), [str(symbols.parent)]))
    assert "sleeper" in separate
    assert "sleeper" not in names(find_elf_file(str(file), build_id, ()))
    assert separate <= names(find_elf_file(str(whole), build_id, ()))


@pytest.mark.parametrize("tool", ["eu-strip", "objcopy"])
@pytest.mark.parametrize("form", FORMS)
def test_a_separate_file_is_not_taken_for_the_file_itself(form: str, tool: str, tmp_path: Path) -> None:
    file, symbols = stripped(tool, compiled("threads", FORMS[form]), tmp_path)
    assert find_elf_file(str(symbols), build_id_of(file), ()) is None
    assert find_debug_file(str(file), bytes(20), (), [str(symbols.parent)]) is None
