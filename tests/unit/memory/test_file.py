from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dotdump.errors import FormatError, MemoryFault
from dotdump.memory.file import FileSpace, UnmappedFile
from dotdump.memory.space import MemoryRange

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", [FileSpace, UnmappedFile])
def test_in_a_file_that_is_closed_there_is_nothing(kind: type[FileSpace | UnmappedFile], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        space = kind(file.fileno(), "file")
    assert space.read(2, 3) == b"234"
    assert space.ranges() == [MemoryRange(0, 10)]
    space.close()
    space.close()
    assert space.read_available(2, 3) == b""
    with pytest.raises(MemoryFault):
        space.read(2, 3)


def test_a_pipe_is_refused_with_what_to_do(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="not a regular file") as caught:
        FileSpace(tmp_path / "pipe")
    assert caught.value.hint == "save it to a file first"
