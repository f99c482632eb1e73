"""NativeAOT's map from the code of a method to its name, which stack traces of programs without symbols are made of.

Rows follow each other; each repeats what it has in common with the one before. Source of truth: StackTraceData.cs and
``PopulateRvaToTokenMap`` of StackTraceMetadata.cs of dotnet/runtime; read from 10.0.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from dotdump.formats.native_format import NativeBytes
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNT_SIZE = 4


class Update(IntFlag):
    """What a row says anew."""

    OWNING_TYPE = 0x01
    NAME = 0x02
    SIGNATURE = 0x04
    GENERIC_SIGNATURE = 0x08


@record
class NativeMethodRow:
    """The method whose code starts at ``address``: its type's token, and offsets of its name, signature, arguments.

    Zeros for what it has not got; a row whose ``owner`` is 0 is one that stack traces do not show.
    """

    address: int
    owner: int
    name: int
    signature: int
    arguments: int


def parse_stack_trace_map(data: bytes, address: int) -> Iterator[NativeMethodRow]:
    """Yield the rows of the map ``data`` that lies at ``address``; ``FormatError`` where it is damaged."""
    source = NativeBytes(data, "stack trace map")
    place, owner, name, signature, arguments = _COUNT_SIZE, 0, 0, 0, 0
    while place < len(data):
        command = source.byte(place)
        place += 1
        if command & Update.OWNING_TYPE:
            owner = source.word(place)
            place += 4
        if command & Update.NAME:
            name, place = source.unsigned(place)
        if command & Update.SIGNATURE:
            signature, place = source.unsigned(place)
            arguments = 0
        if command & Update.GENERIC_SIGNATURE:
            signature, place = source.unsigned(place)
            arguments, place = source.unsigned(place)
        distance = source.word(place, signed=True)
        yield NativeMethodRow(address + place + distance, owner, name, signature, arguments)
        place += 4
