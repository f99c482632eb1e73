import os
from pathlib import Path

import pytest

from dotdump.errors import ProcessGone
from dotdump.linux import live_memory
from dotdump.linux.memory_sources import MemFile

NOBODY = (1 << 31) - 1


def descriptors() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("open_memory", [live_memory.live_memory, live_memory.twin_memory])
def test_the_memory_of_a_process_that_has_ended_is_gone(open_memory: object) -> None:
    assert callable(open_memory)
    with pytest.raises(ProcessGone, match="cannot read its page table"):
        open_memory(NOBODY, [])


def test_nothing_is_left_open_of_a_twin_that_ends_as_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_memory, "MemFile", lambda _: MemFile(NOBODY))
    before = descriptors()
    with pytest.raises(ProcessGone, match="cannot read its memory"):
        live_memory.twin_memory(os.getpid(), [])
    assert descriptors() == before
