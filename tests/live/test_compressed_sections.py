"""Sections of debugging as linkers and objcopy compress them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from corpus import missing
from dotdump.memory.file import FileSpace
from dotdump.target.elf_files import ElfFile, SectionData, read_section
from native import compiled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live
FLAGS = ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables")


def section_of(path: Path) -> SectionData | None:
    file = ElfFile(FileSpace(str(path)))
    try:
        return read_section(file, b".debug_frame")
    finally:
        file.space.close()


@pytest.mark.parametrize("form", ["zlib", "zlib-gnu", "zstd"])
def test_call_frame_information_is_read_however_it_is_compressed(form: str, tmp_path: Path) -> None:
    if shutil.which("objcopy") is None:
        missing("objcopy is not installed")
    whole, packed = compiled("stacks", FLAGS), tmp_path / "packed"
    command = ["objcopy", f"--compress-debug-sections={form}", str(whole), str(packed)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        missing(f"objcopy does not know {form}")
    assert packed.stat().st_size < whole.stat().st_size
    assert section_of(whole) is not None
    assert section_of(packed) == section_of(whole)
