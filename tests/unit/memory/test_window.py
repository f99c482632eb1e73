import pytest

from dotdump.errors import MemoryFault
from dotdump.memory.space import BytesSpace
from dotdump.memory.window import Window, window_on


class Unmapped(BytesSpace):
    """Memory that gives no views."""

    def view(self, address: int, size: int) -> memoryview | None:  # noqa: ARG002 - the protocol's
        return None


DATA = bytes(range(256)) * 64


def test_a_window_is_sliced_like_the_bytes_under_it() -> None:
    window = Window(Unmapped([(0x1234, DATA)]), 0x1234, len(DATA))
    assert len(window) == len(DATA)
    for part in (slice(0, 4), slice(4000, 9000), slice(5, 5), slice(16380, 20000), slice(-4, None), slice(None, 3)):
        assert window[part] == DATA[part]


def test_a_slice_of_what_is_not_there_faults_and_the_rest_can_be_read() -> None:
    window = Window(Unmapped([(0x1000, DATA[:0x1000]), (0x3000, DATA[:0x1000])]), 0x1000, 0x3000)
    assert window[0x2000:0x2004] == DATA[:4]
    with pytest.raises(MemoryFault) as fault:
        window[0xFFE:0x1004]
    assert fault.value.address == 0x2000


def test_memory_that_has_a_view_is_not_wrapped() -> None:
    found = window_on(BytesSpace([(0x1000, DATA)]), 0x1010, 16)
    assert isinstance(found, memoryview)
    assert bytes(found) == DATA[16:32]


def test_a_range_that_does_not_begin_faults() -> None:
    with pytest.raises(MemoryFault):
        window_on(Unmapped([(0x1000, DATA)]), 0x100, 16)
