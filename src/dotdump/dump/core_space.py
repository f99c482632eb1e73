"""The bytes of a core that was just written, whether it was compressed or not, for the check that ends a collect."""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.formats.zstd_seekable import FOOTER, FRAME_MAGIC, parse_seek_table, seek_table_size
from dotdump.memory.descriptor import DescriptorSpace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.memory.space import AddressSpace


class _NamedDescriptor(DescriptorSpace):
    """A descriptor that is somebody else's to close."""

    name = "the dump"

    def close(self) -> None:
        """Leave it open."""


def core_space(descriptor: int, size: int) -> tuple[AddressSpace, int]:
    """Return the core in an open file of ``size`` bytes, and the core's own size; a cut zstd file is taken as it is."""
    plain = _NamedDescriptor(descriptor)
    if plain.read_available(0, len(FRAME_MAGIC)) != FRAME_MAGIC:
        return plain, size
    from dotdump.memory.zstd import ZstdSpace

    try:
        table_size = seek_table_size(plain.read_available(size - FOOTER.size, FOOTER.size), size)
        if table_size is None:
            return plain, size
        frames = parse_seek_table(plain.read_available(size - table_size, table_size), size)
    except FormatError:
        return plain, size
    return ZstdSpace(plain, frames), frames.size
