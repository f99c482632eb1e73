"""Whatever call frame information, expressions, stacks and registers are: walks end, say why, and raise nothing."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from builders.cfi import arm_cie, x86_cie
from builders.code_target import FRAMES, INDEX, STACK, TEXT, CodeTarget
from dotdump.errors import DotdumpError
from dotdump.formats.dwarf_cfi import parse_cie, parse_fde, read_entry
from dotdump.formats.dwarf_cursor import Bases, Cursor
from dotdump.formats.dwarf_expression import evaluate
from dotdump.formats.dwarf_rows import row_at
from dotdump.formats.eh_frame_hdr import EhFrameHdr
from dotdump.memory.space import BytesSpace
from dotdump.target.model import Architecture
from dotdump.unwind.effort import Effort
from dotdump.unwind.frame import End, Frame, FrameTrust
from dotdump.unwind.native import NativeUnwinder
from dotdump.unwind.stack_words import StackWords

ADDRESSES = st.one_of(
    st.integers(0, 2**64 - 1),
    st.integers(TEXT, TEXT + 0x400),
    st.integers(STACK - 64, STACK + 0x10040),
    st.sampled_from([0, FRAMES, INDEX, 2**63, 2**64 - 1]),
)
INSTRUCTIONS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=4),
        st.sampled_from([b"\x41", b"\x0a", b"\x0b", b"\x0e\x10", b"\x86\x02", b"\x0d\x06", b"\x2d", b"\x07\x10"]),
        st.binary(max_size=8).map(lambda code: b"\x0f" + bytes([len(code)]) + code),
        st.binary(max_size=8).map(lambda code: b"\x10\x03" + bytes([len(code)]) + code),
    ),
    max_size=12,
).map(b"".join)
FUNCTIONS = st.lists(st.tuples(st.integers(0, 0x300), st.integers(0, 0x200), INSTRUCTIONS), max_size=4)
STACKS = st.dictionaries(st.integers(0, 64).map(lambda word: STACK + 8 * word), ADDRESSES, max_size=32)
EDITS = st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), max_size=6)
REGISTERS = {
    Architecture.X86_64: ("rip", "rsp", "rbp", "rbx", "r11"),
    Architecture.AARCH64: ("pc", "sp", "x29", "x30", "x19"),
}


@given(
    functions=FUNCTIONS,
    stack=STACKS,
    values=st.lists(ADDRESSES, min_size=5, max_size=5),
    architecture=st.sampled_from(Architecture),
    section=st.one_of(st.none(), st.binary(max_size=64)),
)
def test_every_walk_ends_and_says_why(
    functions: list[tuple[int, int, bytes]],
    stack: dict[int, int],
    values: list[int],
    architecture: Architecture,
    section: bytes | None,
) -> None:
    common = x86_cie() if architecture is Architecture.X86_64 else arm_cie()
    code = CodeTarget(functions, stack, common=common, architecture=architecture, section=section)
    target = code.build(**dict(zip(REGISTERS[architecture], values, strict=True)))
    unwinder = NativeUnwinder(target, Effort(50_000))
    frames: list[Frame] = []
    *found, end = unwinder.walk(unwinder.frame_of(target.threads[0]), budget=500)
    assert isinstance(end, End)
    frames += [frame for frame in found if isinstance(frame, Frame)]
    assert len(frames) == len(found) <= 500
    assert frames[0].trust is FrameTrust.CONTEXT
    assert all(0 <= value < 2**64 for frame in frames for value in (frame.pc, frame.sp, *frame.registers.values()))
    for frame in frames:
        unwinder.is_signal_frame(frame)


@given(code=st.binary(max_size=64), values=st.lists(ADDRESSES, min_size=17, max_size=17), memory=st.binary(max_size=64))
def test_every_expression_is_a_number_or_an_error_of_ours(code: bytes, values: list[int], memory: bytes) -> None:
    words = StackWords(BytesSpace([(STACK, memory)]))
    with suppress(DotdumpError):
        assert 0 <= evaluate(code, dict(enumerate(values)), words, (STACK,)) < 2**64


@given(edits=EDITS, address=st.integers(TEXT, TEXT + 0x300))
def test_damaged_entries_are_read_or_refused(edits: list[tuple[int, int]], address: int) -> None:
    data = bytearray(x86_cie())
    data += bytes(128 - len(data))
    for position, value in edits:
        data[position] = value
    memory = BytesSpace([(FRAMES, bytes(data))])
    with suppress(DotdumpError):
        entry = read_entry(memory, FRAMES)
        if entry is not None:
            cie = parse_cie(entry, Bases())
            row_at(parse_fde(entry, cie, Bases()), address)


@given(head=st.binary(max_size=64), address=ADDRESSES)
def test_damaged_indexes_are_searched_or_refused(head: bytes, address: int) -> None:
    memory = BytesSpace([(INDEX, b"\x01" + head)])
    with suppress(DotdumpError):
        index = EhFrameHdr(memory, INDEX, 2**40)
        index.find(address)
        assert len(index) <= len(head)


@given(data=st.binary(max_size=40), encoding=st.integers(0, 255))
def test_every_pointer_encoding_is_read_or_refused(data: bytes, encoding: int) -> None:
    bases = Bases(text=TEXT, data=INDEX, dereference=lambda address: address ^ 1)
    with suppress(DotdumpError):
        value = Cursor(data, FRAMES).pointer(encoding, bases)
        assert value is None or 0 <= value < 2**64
