"""How GC info is encoded: widths and scales by processor, and what the versions changed. Tables, no algorithm.

Source of truth: ``AMD64GcInfoEncoding`` and ``ARM64GcInfoEncoding`` in ``inc/gcinfotypes.h`` (version 4), the macros of
the same file of release 3.1 (version 2), and ``inc/gcinfo.h`` for which image has which version.

| version | runtimes | what is different |
|---|---|---|
| 2 | 3.1 to 8 | kinds of returned values; safe points are call sites, as the return address less 1 |
| 3 | 9 | the same; a thread can be suspended at a safe point |
| 4 | 10 | no kinds of returned values; safe points are return addresses, on arm64 counted in instructions |
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.formats.machine import Machine
from dotdump.records import record, replace

OLDEST, NEWEST = 2, 4
_INTERRUPTIBLE_SAFE_POINTS, _SAFE_POINTS_ARE_RETURNS = 3, 4
_IMAGES_OF_VERSION_3, _IMAGES_OF_VERSION_4 = (9, 2), 11


@record
class Encoding:
    """Fields named ``*_base`` are chunk widths of variable length numbers; ``*_shift`` are scales.

    ``registers`` names the registers by the numbers that slots have; ``preserved`` are those that a callee keeps.
    ``has_fixed_frame``: that edit-and-continue also tells the size of a frame.
    """

    machine: Machine
    version: int
    registers: tuple[str, ...]
    preserved: frozenset[int]
    frame_register: int
    stack_register: int
    code_length_shift: int
    code_offset_shift: int
    has_fixed_frame: bool
    stack_base_register_base: int
    register_count_base: int
    safe_point_count_base: int
    stack_shift: int = 3
    slim_return_kind: int = 2
    fat_return_kind: int = 4
    code_length_base: int = 8
    slot_base: int = 6
    stack_area_base: int = 3
    edit_and_continue_base: int = 4
    stack_slot_count_base: int = 2
    untracked_count_base: int = 1
    prologue_base: int = 5
    epilogue_base: int = 3
    range_base: int = 6
    register_base: int = 3
    register_delta_base: int = 2
    stack_slot_base: int = 6
    stack_slot_delta_base: int = 4
    range_count_base: int = 1
    pointer_size_base: int = 3
    live_run_base: int = 2
    live_skip_base: int = 4

    @property
    def tells_return_kind(self) -> bool:
        """Whether the header says what a method returns."""
        return self.version < _SAFE_POINTS_ARE_RETURNS

    @property
    def safe_points_are_returns(self) -> bool:
        """Whether safe points are return addresses, and not one less."""
        return self.version >= _SAFE_POINTS_ARE_RETURNS

    @property
    def stops_at_safe_points(self) -> bool:
        """Whether a thread may be suspended after a call that returned."""
        return self.version >= _INTERRUPTIBLE_SAFE_POINTS


_AMD64 = Encoding(
    machine=Machine.X86_64,
    version=NEWEST,
    registers=("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{number}" for number in range(8, 16))),
    preserved=frozenset((3, 5, 12, 13, 14, 15)),
    frame_register=5,
    stack_register=4,
    code_length_shift=0,
    code_offset_shift=0,
    has_fixed_frame=False,
    stack_base_register_base=3,
    register_count_base=2,
    safe_point_count_base=2,
)
_ARM64 = Encoding(
    machine=Machine.AARCH64,
    version=NEWEST,
    registers=(*(f"x{number}" for number in range(31)), "sp"),
    preserved=frozenset(range(18, 29)),
    frame_register=29,
    stack_register=31,
    code_length_shift=2,
    code_offset_shift=2,
    has_fixed_frame=True,
    stack_base_register_base=2,
    register_count_base=3,
    safe_point_count_base=3,
)
_ENCODINGS = {
    (encoding.machine, version): replace(
        encoding,
        version=version,
        code_offset_shift=encoding.code_offset_shift if version >= _SAFE_POINTS_ARE_RETURNS else 0,
    )
    for encoding in (_AMD64, _ARM64)
    for version in range(OLDEST, NEWEST + 1)
}


def encoding_of(machine: Machine, version: int) -> Encoding:
    """Return the encoding of GC info of ``version``; ``FormatError`` where it is not known."""
    found = _ENCODINGS.get((machine, version))
    if found is None:
        raise FormatError(f"GC info of version {version} for {machine.name} is not known")
    return found


def version_of_image(major: int, minor: int) -> int:
    """Return the version of GC info in a ready-to-run image of format ``major.minor``."""
    if major >= _IMAGES_OF_VERSION_4:
        return 4
    return 3 if (major, minor) >= _IMAGES_OF_VERSION_3 else 2


def version_of_runtime(major: int) -> int:
    """Return the version of GC info that the compiler of .NET ``major`` writes."""
    return min(max(major - 6, OLDEST), NEWEST)
