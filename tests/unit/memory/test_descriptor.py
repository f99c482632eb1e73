from pathlib import Path

import pytest

from dotdump.errors import MemoryFault
from dotdump.memory.descriptor import DescriptorSpace
from dotdump.memory.space import MemoryRange


def test_a_file_reads_by_position_and_ends_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("r+b") as file:
        space = DescriptorSpace(file.fileno())
        assert space.read(2, 3) == b"234"
        assert space.read_available(8, 1 << 60) == b"89"
        assert space.read_available(11, 4) == b""
        assert space.ranges() == [MemoryRange(0, 10)]
        assert space.view(0, 1) is None
        with pytest.raises(MemoryFault) as caught:
            space.read(8, 4)
        assert (caught.value.address, caught.value.size) == (10, 2)


def test_a_file_cut_while_it_is_open_gives_less_and_no_signal(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(8192))
    with path.open("r+b") as file:
        space = DescriptorSpace(file.fileno())
        file.truncate(10)
        assert len(space.read_available(0, 8192)) == 10
