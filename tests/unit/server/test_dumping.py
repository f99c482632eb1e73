from __future__ import annotations

import pytest

from dotdump.errors import CollectError
from dotdump.ipc.dump import DumpType, GenerateCoreDump
from dotdump.server import dumping


@pytest.mark.parametrize("code", [0, 3])
def test_a_dump_that_is_there_has_not_failed_although_there_are_warnings(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumping, "_run", lambda _: (code, "dotdump: warning: no"))
    dumping.dump_self(GenerateCoreDump("/tmp/core", DumpType.FULL, 0))


@pytest.mark.parametrize("code", [1, 2, -9])
def test_any_other_end_is_a_failure(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumping, "_run", lambda _: (code, "dotdump: cannot"))
    with pytest.raises(CollectError, match="cannot"):
        dumping.dump_self(GenerateCoreDump("/tmp/core", DumpType.FULL, 0))
