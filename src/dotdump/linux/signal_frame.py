"""x86-64 signal frames: what ``rt_sigreturn`` takes a thread's state from.

A thread that is about to run a system call for us is given one first, so that it finds its own way back should we
die in between: see ``inject``. Source of truth: uapi ``asm/sigcontext.h`` and ``asm/ucontext.h``,
``restore_sigcontext`` in arch/x86/kernel/signal_64.c, ``check_xstate_in_sigframe`` in arch/x86/kernel/fpu/signal.c.
"""

from __future__ import annotations

from struct import Struct

from dotdump.linux.thread_state import CS, EFLAGS, GENERAL, R8, R9, R10, R11, RAX, RCX, RDI, RDX, RIP, RSI, RSP, SS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

R15, R14, R13, R12, RBP, RBX = range(6)
_ORDER = (R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP, EFLAGS)
"""``struct sigcontext_64`` up to ``flags``, as indexes into ``user_regs_struct``."""

_RETURN_ADDRESS = Struct("<Q")
_CONTEXT_HEAD = Struct("<QQQi4xQ")
_SEGMENTS = Struct("<HHHHQQQQQ")
_SIGNAL_MASK = Struct("<Q")
_RESERVED = bytes(64)

_CONTEXT_FLAGS = 0b111
"""UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS."""
_NO_ALTERNATE_STACK = 7
"""Flags that ``do_sigaltstack`` refuses: the thread's alternate stack, which ptrace does not show, stays as it is."""

_XSTATE_ALIGNMENT = 64
_SOFTWARE_OFFSET = 464
_XSTATE_LEAST = 576
_SOFTWARE = Struct("<IIQI")
_MAGIC_1, _MAGIC_2 = 0x46505853, Struct("<I").pack(0x46505845)


def frame_size(extended: bytes) -> int:
    """Return how many bytes ``build_frame`` needs at most, alignment included."""
    return 1024 + len(extended) + _XSTATE_ALIGNMENT


def build_frame(
    address: int, signal_return: int, registers: Sequence[int], signal_mask: int, extended: bytes = b""
) -> bytes:
    """Return the bytes to lie at ``address``, where a ``ret`` finds them.

    The ``ret`` goes to ``signal_return``, code that calls ``rt_sigreturn``, which loads ``registers`` (indexed as
    ``user_regs_struct``), the mask, and the state that NT_X86_XSTATE has in ``extended``, if that is given.
    """
    context_end = address + _RETURN_ADDRESS.size + _CONTEXT_HEAD.size + len(_ORDER) * 8 + _SEGMENTS.size
    mask_end = context_end + len(_RESERVED) + _SIGNAL_MASK.size
    state_at = (mask_end + _XSTATE_ALIGNMENT - 1) & -_XSTATE_ALIGNMENT
    whole = len(extended) >= _XSTATE_LEAST
    frame = b"".join(
        (
            _RETURN_ADDRESS.pack(signal_return),
            _CONTEXT_HEAD.pack(_CONTEXT_FLAGS, 0, 0, _NO_ALTERNATE_STACK, 0),
            *(registers[index].to_bytes(8, "little") for index in _ORDER),
            _SEGMENTS.pack(registers[CS], 0, 0, registers[SS], 0, 0, 0, 0, state_at if whole else 0),
            _RESERVED,
            _SIGNAL_MASK.pack(signal_mask),
        )
    )
    if not whole:
        return frame
    return frame.ljust(state_at - address, b"\0") + _for_signal_frame(extended)


def _for_signal_frame(extended: bytes) -> bytes:
    """Mark ptrace's copy of the state as the kernel marks that of a signal frame: features, size, two magic words."""
    features = int.from_bytes(extended[_SOFTWARE_OFFSET : _SOFTWARE_OFFSET + 8], "little")
    mark = _SOFTWARE.pack(_MAGIC_1, len(extended) + len(_MAGIC_2), features, len(extended))
    end = _SOFTWARE_OFFSET + len(mark)
    return extended[:_SOFTWARE_OFFSET] + mark + extended[end:] + _MAGIC_2


def registers_of(general: bytes) -> list[int]:
    """Return ``user_regs_struct`` as numbers."""
    return list(GENERAL.unpack(general))
