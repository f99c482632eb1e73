import errno
import os
from pathlib import Path

import pytest

from dotdump.linux.position import read_at


@pytest.mark.parametrize("refused", [False, True])
def test_a_filter_that_knows_no_preadv2_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    if refused:
        monkeypatch.setattr(os, "preadv", refuse)
    buffer = bytearray(b"------")
    with path.open("rb") as file:
        assert read_at(file.fileno(), memoryview(buffer), 6) == 4
    assert buffer == b"6789--"
