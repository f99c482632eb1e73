"""``RecordingTarget``: a target whose memory counts what is read of it, and that asks no file on this machine.

A dump made of what was read is read alike on a machine that has none of the target's files.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING

from dotdump.dump.target_view import TargetView
from dotdump.errors import FormatError
from dotdump.formats.columns import whole_words
from dotdump.formats.elf_image import image_at
from dotdump.memory.page_cache import PageCache
from dotdump.target.core_modules import FoundModule
from dotdump.target.elf_module import ElfModule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.formats.elf_image import ElfImage
    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace
    from dotdump.target.elf_files import ElfFile
    from dotdump.target.model import Module, Target


_POINTED_AT = 512
"""Bytes of what something points to that are kept: few structures of the runtime are larger."""
_FIRST_WORDS = 0x30
_STUB_PAGE = 0x4000
"""How far behind a stub its data lies: stubs and data alternate in pages of 16 KiB (``GetStubCodePageSize``)."""
_TABLE = Struct("<QIIII")
_CHAINS, _ENTRY = Struct("<QQQI"), Struct("<QQI")
_CLOSED = Struct("<QQIIQ")
_LARGEST_ENTRY = 1 << 10
_MOST_SLOTS = 1 << 20
_SLOTS_FOLLOWED = 1 << 12


class RecordingTarget(TargetView):
    """The same program as ``target``, looked at in pieces of ``page_size`` bytes."""

    def __init__(self, target: Target, page_size: int = 4096) -> None:
        super().__init__(target)
        self._target = target
        self.used_images: set[int] = set()
        """Where the images begin whose code is on stacks."""
        self.used_methods: set[int] = set()
        """The MethodDescs of what is on stacks."""
        self._objects: dict[int, int] = {}
        self._pointed_at: set[int] = set()
        self.memory = PageCache(target.memory, page_size)

    @property
    def unrecorded(self) -> AddressSpace:
        """Its memory for a look that does not count: a later reader need not look there."""
        return self._target.memory

    def keep_object(self, start: int, end: int) -> None:
        """Note bytes of the managed heap that a dump without texts has as well."""
        self._objects[start] = max(end, self._objects.get(start, 0))

    def kept_objects(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield what was noted, as far as it lies between ``start`` and ``end``."""
        for low, high in self._objects.items():
            if low < end and start < high:
                yield max(low, start), min(high, end)

    def region_at(self, address: int) -> Region | None:
        """Return the mapping that ``address`` is in, or None."""
        index = bisect_right(self._starts, address) - 1
        region = self.regions[index] if index >= 0 else None
        return region if region is not None and address < region.end else None

    def touch_around(self, address: int, size: int, depth: int = 1) -> None:
        """Count ``size`` bytes at ``address`` as read, and what each word of them that is an address points to.

        With a ``depth`` of more than 1 what the first words there point to as well.
        """
        self.memory.touch(address, size)
        data = self.memory.read_available(address, size)
        low, high = self._addresses
        words = {word for word in whole_words(data) if low <= word < high}
        for word in words - self._pointed_at:
            self.touch_private(word)
        self._pointed_at |= words
        for word in words if depth > 1 else ():
            if word % 8 == 0 and self.region_at(word) is not None:
                self.touch_around(word, _FIRST_WORDS, depth - 1)

    def touch_tables(self, address: int, size: int) -> None:
        """Count the hash tables as read that lie among ``size`` bytes at ``address``, whatever they are tables of.

        A reader looks into any slot, and at what it points to.
        """
        for pointer, slots in self.tables_in(address, size):
            self.touch_private(pointer, 8 * slots)
            self.touch_around(pointer, 8 * min(slots, _SLOTS_FOLLOWED))

    def tables_in(self, address: int, size: int) -> Iterator[tuple[int, int]]:
        """Yield where the slots begin of each hash table among ``size`` bytes at ``address``, and how many it has.

        One is a pointer and four counts (``SHash`` of shash.h): slots, entries, those and deleted ones, and how many
        there can be before it grows.
        """
        data = self.memory.read_available(address, size)
        for place in range(0, len(data) - _TABLE.size + 1, 8):
            pointer, slots, entries, occupied, most = _TABLE.unpack_from(data, place)
            if 0 < entries <= occupied <= most < slots <= _MOST_SLOTS:
                yield pointer, slots

    def touch_closed_table(self, address: int, module: Module) -> None:
        """Count as read what a hash table at ``address`` leads to, if one of a class of ``module`` is there.

        The table of the debugger's patches is one: the DAC looks for patches in all code that it reads. It has a
        vtable, its entries, their size, how many buckets there are, and these, four bytes each (``CHashTable`` of
        utilcode.h).
        """
        data = self.memory.read_available(address, _CLOSED.size)
        if len(data) < _CLOSED.size:
            return
        vtable, entries, size, count, buckets = _CLOSED.unpack(data)
        if module.base <= vtable < module.end and 0 < size <= _LARGEST_ENTRY and 0 < count <= _MOST_SLOTS:
            self.touch_private(entries, size)
            self.touch_private(buckets, 4 * count)

    def touch_chains(self, module: int, size: int) -> None:
        """Count the hash tables as read that ``size`` bytes of a module lead to and that have types for values.

        One names its module, its heap, its buckets and how many entries it has (``DacEnumerableHashTable`` of
        dacenumerablehash.h); buckets have a length and two words before them. An entry leads to the next, the last
        one to an odd number. A table of names has numbers among its values, which are odd too.
        """
        memory = self.memory
        for pointer in set(whole_words(memory.read_available(module, size))):
            there = pointer % 8 == 0 and self.region_at(pointer) is not None
            head = memory.read_available(pointer, _CHAINS.size) if there else b""
            if len(head) < _CHAINS.size:
                continue
            owner, _, buckets, entries = _CHAINS.unpack(head)
            length = int.from_bytes(memory.read_available(buckets, 8), "little")
            if owner == module and 0 < length <= _MOST_SLOTS and entries <= _MOST_SLOTS:
                self._touch_entries(memory.read_available(buckets + 24, 8 * length), entries)

    def _touch_entries(self, buckets: bytes, count: int) -> None:
        waiting = [entry for entry in whole_words(buckets) if entry and not entry & 1]
        while waiting and count > 0:
            count -= 1
            data = self.memory.read_available(waiting.pop(), _ENTRY.size)
            if len(data) < _ENTRY.size:
                continue
            value, following, _ = _ENTRY.unpack(data)
            if value & 1:
                return
            if following and not following & 1:
                waiting.append(following)

    def touch_private(self, address: int, size: int = _POINTED_AT) -> None:
        """Count ``size`` bytes at ``address`` as read, if that is in memory that no file backs, and in use."""
        starts, ends, executable = self._private
        index = bisect_right(starts, address) - 1
        if index < 0 or address >= ends[index]:
            return
        self.memory.touch(address, size)
        if executable[index]:
            self.memory.touch(address + _STUB_PAGE, size)

    @cached_property
    def _private(self) -> tuple[list[int], list[int], list[bool]]:
        """Where readable memory starts and ends that no file backs, and whether it is executable.

        Of a mapping that a thread's stack is in what is in use.
        """
        page = self.platform.page_size
        tops = sorted((thread.stack_pointer & -page for thread in self.threads), reverse=True)
        used = {region.start: top for top in tops if (region := self.region_at(top)) is not None}
        regions = [region for region in self.regions if region.readable and not region.backed]
        starts = [max(region.start, used.get(region.start, 0)) for region in regions]
        return starts, [region.end for region in regions], [region.executable for region in regions]

    @cached_property
    def _addresses(self) -> tuple[int, int]:
        """From where to where there are mappings."""
        return (self.regions[0].start, self.regions[-1].end) if len(self.regions) else (0, 0)

    @cached_property
    def _starts(self) -> list[int]:
        return [region.start for region in self.regions]

    @cached_property
    def modules(self) -> Sequence[ElfModule]:
        """Its loaded ELF files, sorted by base; where they are is taken over: a search would touch everything."""
        return tuple(map(self._module, self._target.modules))

    def _module(self, module: Module) -> ElfModule:
        image: ElfImage | None = None
        try:
            image = image_at(self.memory, module.base)
        except FormatError:
            image = None
        return _FilelessModule(FoundModule(module.path, module.base, module.end, image), self.memory, module)


class _FilelessModule(ElfModule):
    """A module of which there is nothing but what is in memory.

    Where a symbol is that the file alone names, the ``original`` is asked: what lies there is read by who has the file.
    """

    def __init__(self, found: FoundModule, memory: AddressSpace, original: Module) -> None:
        super().__init__(found, memory)
        self._original = original

    @property
    def version_place(self) -> tuple[int, int]:
        return self._original.version_place if isinstance(self._original, ElfModule) else (0, 0)

    def find_symbol(self, name: str) -> int | None:
        found = super().find_symbol(name)
        return self._original.find_symbol(name) if found is None else found

    @cached_property
    def file(self) -> ElfFile | None:
        return None

    @cached_property
    def debug_file(self) -> ElfFile | None:
        return None
