"""Writes GC info: the opposite of what is tested, from what a compiler would say of a method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dotdump.formats.gc_info.header import HeaderFlags
from dotdump.formats.gc_info.slots import RegisterSlot, Slot, StackSlot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.formats.gc_info.encoding import Encoding

CHUNK = 64
NO_FLAGS = HeaderFlags(0)


class BitWriter:
    """Bits, the lowest of a byte first."""

    def __init__(self) -> None:
        self.value = 0
        self.position = 0

    def write(self, value: int, width: int) -> None:
        assert 0 <= value < 1 << width or not width
        self.value |= value << self.position
        self.position += width

    def unsigned(self, value: int, base: int) -> None:
        while value >= 1 << base:
            self.write(value & (1 << base) - 1 | 1 << base, base + 1)
            value >>= base
        self.write(value, base + 1)

    def signed(self, value: int, base: int) -> None:
        while not -(1 << (base - 1)) <= value < 1 << (base - 1):
            self.write(value & (1 << base) - 1 | 1 << base, base + 1)
            value >>= base
        self.write(value & (1 << base) - 1, base + 1)

    def align(self) -> None:
        self.position = self.position + 7 & ~7

    def data(self) -> bytes:
        return self.value.to_bytes(self.position + 7 >> 3, "little")


@dataclass
class Method:
    """What is said of a method. ``calls``: (return address, live tracked slots); ``ranges``: (start, end).

    ``lifetimes``: for each tracked slot the (start, end) it is live in, within the ranges; offsets are in bytes.
    ``shared_vectors``: liveness at calls is written once for equal calls, as runs where ``runs``.
    """

    code_length: int
    slim: bool = False
    flags: HeaderFlags = NO_FLAGS
    frame_register: bool = False
    return_kind: int = 0
    generics_slot: int = 0
    outgoing_area: int = 0
    tracked: Sequence[Slot] = ()
    untracked: Sequence[Slot] = ()
    calls: Sequence[tuple[int, set[int]]] = ()
    ranges: Sequence[tuple[int, int]] = ()
    lifetimes: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    shared_vectors: bool = False
    runs: bool = False


def build_gc_info(method: Method, encoding: Encoding) -> bytes:
    bits = BitWriter()
    _write_header(bits, method, encoding)
    width = max((method.code_length >> encoding.code_offset_shift) - 1, 0).bit_length()
    less = 0 if encoding.safe_points_are_returns else 1
    for offset, _ in method.calls:
        bits.write(offset - less >> encoding.code_offset_shift, width)
    end = 0
    for start, stop in _normalised(method.ranges, encoding):
        bits.unsigned(start - end, encoding.range_base)
        bits.unsigned(stop - start - 1, encoding.range_base)
        end = stop
    _write_slots(bits, method, encoding)
    if method.tracked:
        _write_calls(bits, method, encoding)
        if method.ranges:
            _write_chunks(bits, method, encoding)
    return bits.data()


def _normalised(ranges: Sequence[tuple[int, int]], encoding: Encoding) -> list[tuple[int, int]]:
    shift = encoding.code_offset_shift
    return [(start >> shift, stop >> shift) for start, stop in ranges]


def _write_header(bits: BitWriter, method: Method, encoding: Encoding) -> None:
    flags = method.flags | (HeaderFlags.STACK_BASE_REGISTER if method.frame_register else NO_FLAGS)
    bits.write(not method.slim, 1)
    if method.slim:
        bits.write(method.frame_register, 1)
    else:
        bits.write(flags, 10)
    if encoding.tells_return_kind:
        bits.write(method.return_kind, 2 if method.slim else 4)
    bits.unsigned(method.code_length >> encoding.code_length_shift, encoding.code_length_base)
    if not method.slim:
        _write_fat_part(bits, method, encoding, flags)
    bits.unsigned(len(method.calls), encoding.safe_point_count_base)
    if not method.slim:
        bits.unsigned(len(method.ranges), encoding.range_count_base)


def _write_fat_part(bits: BitWriter, method: Method, encoding: Encoding, flags: HeaderFlags) -> None:
    if flags & (HeaderFlags.GS_COOKIE | HeaderFlags.GENERICS_CONTEXT_MASK):
        bits.unsigned(11, encoding.prologue_base)
        if flags & HeaderFlags.GS_COOKIE:
            bits.unsigned(3, encoding.epilogue_base)
    for flag, slot in (
        (HeaderFlags.GS_COOKIE, -2),
        (HeaderFlags.PSP_SYM, -5),
        (HeaderFlags.GENERICS_CONTEXT_MASK, method.generics_slot >> 3),
    ):
        if flags & flag:
            bits.signed(slot, 6)
    if method.frame_register:
        bits.unsigned(0, encoding.stack_base_register_base)
    if flags & HeaderFlags.EDIT_AND_CONTINUE:
        for _ in range(1 + encoding.has_fixed_frame):
            bits.unsigned(40, encoding.edit_and_continue_base)
    if flags & HeaderFlags.REVERSE_PINVOKE_FRAME:
        bits.signed(-9, 6)
    bits.unsigned(method.outgoing_area >> 3, encoding.stack_area_base)


def _write_slots(bits: BitWriter, method: Method, encoding: Encoding) -> None:
    registers = [slot for slot in method.tracked if isinstance(slot, RegisterSlot)]
    stack = [slot for slot in method.tracked if isinstance(slot, StackSlot)]
    untracked = [slot for slot in method.untracked if isinstance(slot, StackSlot)]
    bits.write(bool(registers), 1)
    if registers:
        bits.unsigned(len(registers), encoding.register_count_base)
    bits.write(bool(stack or untracked), 1)
    if stack or untracked:
        bits.unsigned(len(stack), encoding.stack_slot_count_base)
        bits.unsigned(len(untracked), encoding.untracked_count_base)
    previous = None
    for register in registers:
        if previous is None or previous.flags:
            bits.unsigned(register.register, encoding.register_base)
            bits.write(register.flags, 2)
        else:
            assert not register.flags
            bits.unsigned(register.register - previous.register - 1, encoding.register_delta_base)
        previous = register
    for part in (stack, untracked):
        _write_stack_slots(bits, part, encoding)


def _write_stack_slots(bits: BitWriter, slots: Sequence[StackSlot], encoding: Encoding) -> None:
    previous = None
    for slot in slots:
        bits.write(slot.base, 2)
        if previous is None or previous.flags:
            bits.signed(slot.offset >> 3, encoding.stack_slot_base)
            bits.write(slot.flags, 2)
        else:
            assert not slot.flags
            bits.unsigned(slot.offset - previous.offset >> 3, encoding.stack_slot_delta_base)
        previous = slot


def _write_calls(bits: BitWriter, method: Method, encoding: Encoding) -> None:
    if not method.calls:
        return
    bits.write(method.shared_vectors, 1)
    if not method.shared_vectors:
        for _, live in method.calls:
            _write_plain(bits, live, len(method.tracked))
        return
    vectors, offsets = BitWriter(), {}
    for _, live in method.calls:
        if frozenset(live) not in offsets:
            offsets[frozenset(live)] = vectors.position
            _write_vector(vectors, live, len(method.tracked), encoding, runs=method.runs)
    width = max(vectors.position.bit_length(), 1)
    bits.unsigned(width - 1, encoding.pointer_size_base)
    for _, live in method.calls:
        bits.write(offsets[frozenset(live)], width)
    bits.align()
    bits.write(vectors.value, vectors.position)


def _write_plain(bits: BitWriter, live: set[int], count: int) -> None:
    for index in range(count):
        bits.write(index in live, 1)


def _write_vector(bits: BitWriter, live: set[int], count: int, encoding: Encoding, *, runs: bool) -> None:
    bits.write(runs, 1)
    if not runs:
        _write_plain(bits, live, count)
        return
    few_live = 2 * len(live) <= count
    bits.write(not few_live, 1)
    bases = (encoding.live_skip_base, encoding.live_run_base)
    dead, alive = bases if few_live else bases[::-1]
    lengths, state = [0], False
    for index in range(count):
        if (index in live) is not state:
            lengths.append(0)
            state = not state
        lengths[-1] += 1
    for number, length in enumerate(lengths):
        bits.unsigned(length - (number > 0), alive if number % 2 else dead)


def _write_chunks(bits: BitWriter, method: Method, encoding: Encoding) -> None:
    places = [place for start, stop in _normalised(method.ranges, encoding) for place in range(start, stop)]
    live = [
        {slot for slot, spans in lifetimes.items() if any(start <= place < stop for start, stop in spans)}
        for lifetimes in [{slot: _normalised(spans, encoding) for slot, spans in method.lifetimes.items()}]
        for place in places
    ]
    chunks = [live[start : start + CHUNK] for start in range(0, len(live), CHUNK)]
    body, pointers = BitWriter(), []
    state: set[int] = set()
    for chunk in chunks:
        if all(now == state for now in chunk):
            pointers.append(0)
            continue
        pointers.append(body.position + 1)
        _write_chunk(body, chunk, len(method.tracked), encoding, runs=method.runs)
        state = chunk[-1]
    width = max(pointers).bit_length()
    bits.unsigned(width, encoding.pointer_size_base)
    if not width:
        return
    for pointer in pointers:
        bits.write(pointer, width)
    bits.align()
    bits.write(body.value, body.position)


def _write_chunk(bits: BitWriter, chunk: list[set[int]], count: int, encoding: Encoding, *, runs: bool) -> None:
    candidates = set().union(*chunk)
    if not candidates:
        candidates = {0}
    _write_vector(bits, candidates, count, encoding, runs=runs)
    for slot in sorted(candidates):
        bits.write(slot in chunk[-1], 1)
    for slot in sorted(candidates):
        for place in range(1, len(chunk)):
            if (slot in chunk[place]) != (slot in chunk[place - 1]):
                bits.write(1, 1)
                bits.write(place, 6)
        bits.write(0, 1)
