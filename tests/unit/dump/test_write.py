from __future__ import annotations

import os
import resource
from errno import EACCES, EDQUOT, ENOSPC
from typing import TYPE_CHECKING

import pytest

from dotdump.dump.write import published, room_for
from dotdump.errors import OutputRefused

if TYPE_CHECKING:
    from pathlib import Path


def test_of_a_file_that_may_be_no_larger_the_limit_is_named_and_nothing_stays(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OutputRefused) as refused, published(str(tmp_path / "core")) as descriptor:
            os.pwrite(descriptor, bytes(1), 8192)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "ulimit -f" in (refused.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [ENOSPC, EDQUOT])
def test_where_the_disk_is_full_more_space_is_asked_for(number: int) -> None:
    with pytest.raises(OutputRefused, match="cannot write all of core") as refused, room_for("core"):
        raise OSError(number, "no room")
    assert "space" in (refused.value.hint or "")


def test_another_error_stays_what_it_was() -> None:
    with pytest.raises(PermissionError), room_for("core"):
        raise OSError(EACCES, "not allowed")
