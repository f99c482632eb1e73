import pytest

from dotdump.errors import MemoryFault
from dotdump.memory.reader import Reader
from dotdump.memory.space import BytesSpace

TEXT = "x" * 200


@pytest.mark.parametrize("limit", [201, 256, 4096])
def test_a_text_ends_at_its_nul(limit: int) -> None:
    narrow, wide = (Reader(BytesSpace([(0, f"{TEXT}\0y".encode(name))])) for name in ("ascii", "utf-16-le"))
    assert narrow.cstring(0, limit) == TEXT.encode()
    assert wide.utf16_cstring(0, limit) == TEXT


@pytest.mark.parametrize("limit", [10, 128, 200])
def test_a_text_that_ends_beyond_its_limit_is_none(limit: int) -> None:
    narrow, wide = (Reader(BytesSpace([(0, f"{TEXT}\0y".encode(name))])) for name in ("ascii", "utf-16-le"))
    with pytest.raises(MemoryFault, match=f"within {limit} bytes"):
        narrow.cstring(0, limit)
    with pytest.raises(MemoryFault, match=f"within {limit} units"):
        wide.utf16_cstring(0, limit)
