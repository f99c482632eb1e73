"""ptrace(2), one function a request; what a thread is stopped for only ``ptrace_stop`` knows.

Threads are seized, never attached: ``PTRACE_SEIZE`` sends no signal, and the kernel lets a seized thread run on when
its tracer dies. Every request must come from the thread that seized. Errors: ``ProcessGone`` for ESRCH (the thread
has ended, or is not stopped), ``AccessDenied`` for EPERM, else ``OSError``. Source of truth: ptrace(2), uapi
``linux/ptrace.h``.
"""

from __future__ import annotations

import ctypes
import errno
from enum import IntEnum, IntFlag
from struct import Struct
from threading import Lock

from dotdump.errors import AccessDenied, ProcessGone
from dotdump.linux.errors import call_error
from dotdump.linux.iovec import IoVector

NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE = 1, 2, 0x202
SIGINFO_SIZE = 128

_REGISTER_BYTES = 1 << 15
_PEEK = Struct("<QIi")
"""``struct ptrace_peeksiginfo_args``: how many to pass over, flags, how many to give."""
_PEEKED = _REGISTER_BYTES // SIGINFO_SIZE
_RSEQ_CONFIGURATION = Struct("<QIIII")
_DISPATCH_CONFIGURATION = Struct("<QQQQ")


class Request(IntEnum):
    """Requests, by the header's names."""

    CONT = 7
    DETACH = 17
    SYSCALL = 24
    SETOPTIONS = 0x4200
    GETEVENTMSG = 0x4201
    GETSIGINFO = 0x4202
    GETREGSET = 0x4204
    SETREGSET = 0x4205
    SEIZE = 0x4206
    INTERRUPT = 0x4207
    PEEKSIGINFO = 0x4209
    GETSIGMASK = 0x420A
    SETSIGMASK = 0x420B
    GET_RSEQ_CONFIGURATION = 0x420F
    GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211


class Option(IntFlag):
    """Options of SEIZE and SETOPTIONS."""

    NONE = 0
    TRACESYSGOOD = 1
    TRACEFORK = 1 << 1
    TRACECLONE = 1 << 3
    EXITKILL = 1 << 20
    SUSPEND_SECCOMP = 1 << 21


def is_refused() -> bool:
    """Return whether the call itself is refused to us: a kernel that takes it finds that there is no thread 0."""
    try:
        interrupt(0)
    except ProcessGone:
        return False
    except (AccessDenied, OSError):
        return True
    return False


def seize(tid: int, options: Option = Option.NONE) -> None:
    """Become the tracer of ``tid``, which runs on."""
    _ptrace(Request.SEIZE, tid, 0, options)


def interrupt(tid: int) -> None:
    """Ask a seized thread to stop; it does so where it would take a signal."""
    _ptrace(Request.INTERRUPT, tid)


def detach(tid: int, deliver: int = 0) -> None:
    """Let a stopped thread run on without us, with signal ``deliver`` where it was stopped by its delivery."""
    _ptrace(Request.DETACH, tid, 0, deliver)


def resume(tid: int, deliver: int = 0) -> None:
    """Let a stopped thread run, with signal ``deliver`` where it was stopped by its delivery."""
    _ptrace(Request.CONT, tid, 0, deliver)


def resume_to_syscall(tid: int, deliver: int = 0) -> None:
    """Let a stopped thread run up to its next entry to or exit from a system call."""
    _ptrace(Request.SYSCALL, tid, 0, deliver)


def set_options(tid: int, options: Option) -> None:
    """Set the options of a stopped thread."""
    _ptrace(Request.SETOPTIONS, tid, 0, options)


def event_message(tid: int) -> int:
    """Return what came with the last event: after CLONE and FORK, the new thread's id in our PID namespace."""
    message = ctypes.c_ulong()
    _ptrace(Request.GETEVENTMSG, tid, 0, ctypes.addressof(message))
    return message.value


def registers(tid: int, kind: int) -> bytes:
    """Return a register set by its note type, as the kernel lays it out in a core."""
    with _register_buffer_free:
        vector = IoVector(ctypes.addressof(_register_buffer), _REGISTER_BYTES)
        _ptrace(Request.GETREGSET, tid, kind, ctypes.addressof(vector))
        return ctypes.string_at(_register_buffer, vector.length)


def set_registers(tid: int, kind: int, data: bytes) -> None:
    """Set a register set."""
    buffer = ctypes.create_string_buffer(data, len(data))
    vector = IoVector(ctypes.addressof(buffer), len(data))
    _ptrace(Request.SETREGSET, tid, kind, ctypes.addressof(vector))


def siginfo(tid: int) -> bytes:
    """Return the 128 bytes of the siginfo that the thread stopped with."""
    buffer = ctypes.create_string_buffer(SIGINFO_SIZE)
    _ptrace(Request.GETSIGINFO, tid, 0, ctypes.addressof(buffer))
    return buffer.raw


def signal_mask(tid: int) -> int:
    """Return the blocked signals of a stopped thread, signal N as bit N - 1."""
    mask = ctypes.c_uint64()
    _ptrace(Request.GETSIGMASK, tid, ctypes.sizeof(mask), ctypes.addressof(mask))
    return mask.value


def pending_signals(tid: int) -> int:
    """Return the signals that wait for a stopped thread alone, signal N as bit N - 1; 0 before Linux 3.10."""
    found, passed, count = 0, 0, _PEEKED
    while count == _PEEKED:
        queued = _queued_signals(tid, passed)
        for at in range(0, len(queued), SIGINFO_SIZE):
            found |= 1 << int.from_bytes(queued[at : at + 4], "little") - 1
        count = len(queued) // SIGINFO_SIZE
        passed += count
    return found


def _queued_signals(tid: int, passed: int) -> bytes:
    """Return siginfo of up to ``_PEEKED`` signals of the thread's own queue, behind the first ``passed``."""
    arguments = ctypes.create_string_buffer(_PEEK.pack(passed, 0, _PEEKED), _PEEK.size)
    with _register_buffer_free:
        try:
            place = ctypes.addressof(_register_buffer)
            count = _ptrace(Request.PEEKSIGINFO, tid, ctypes.addressof(arguments), place)
        except OSError as error:
            if error.errno in (errno.EIO, errno.EINVAL):
                return b""
            raise
        return ctypes.string_at(_register_buffer, count * SIGINFO_SIZE)


def set_signal_mask(tid: int, mask: int) -> None:
    """Set the blocked signals of a stopped thread."""
    value = ctypes.c_uint64(mask)
    _ptrace(Request.SETSIGMASK, tid, ctypes.sizeof(value), ctypes.addressof(value))


def rseq_area(tid: int) -> int:
    """Return the address of the thread's ``struct rseq``; 0 where it has none or the kernel cannot tell (< 5.13)."""
    return _configuration(Request.GET_RSEQ_CONFIGURATION, tid, _RSEQ_CONFIGURATION)


def dispatches_calls(tid: int) -> bool:
    """Return whether the thread's own calls may become SIGSYS (PR_SET_SYSCALL_USER_DISPATCH); False before Linux 6.4.

    That is its ``mode``, the first number.
    """
    return bool(_configuration(Request.GET_SYSCALL_USER_DISPATCH_CONFIG, tid, _DISPATCH_CONFIGURATION))


def _configuration(request: Request, tid: int, layout: Struct) -> int:
    """Return the first number of what a request gives, which is told the size in place of an address; 0 for nothing."""
    buffer = ctypes.create_string_buffer(layout.size)
    try:
        _ptrace(request, tid, len(buffer), ctypes.addressof(buffer))
    except OSError as error:
        if error.errno in (errno.EIO, errno.EINVAL):
            return 0
        raise
    first: int = layout.unpack(buffer.raw)[0]
    return first


_register_buffer = ctypes.create_string_buffer(_REGISTER_BYTES)
_register_buffer_free = Lock()
"""Two threads of ours may each have stopped a process: either would take the other's registers, and set them."""
_libc_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_libc_ptrace.restype = ctypes.c_long
_libc_ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def _ptrace(request: Request, tid: int, address: int = 0, data: int = 0) -> int:
    result: int = _libc_ptrace(request, tid, address, data)
    if result != -1:
        return result
    error = call_error(f"PTRACE_{request.name} of thread {tid}")
    if error.errno == errno.ESRCH:
        raise ProcessGone(f"thread {tid} has ended or does not stand still (PTRACE_{request.name})")
    if error.errno == errno.EPERM:
        raise AccessDenied(f"PTRACE_{request.name} of thread {tid} is not permitted")
    raise error
