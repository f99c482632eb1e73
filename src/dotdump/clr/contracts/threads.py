"""Threads: what the runtime keeps of each, contract ``Thread`` version 1, and the same of versions without contracts.

Knows nothing of what a thread was doing: that is for the stack walk. Dead threads are listed as long as something
holds their object; so are those that never started.

Source of truth: docs/design/datacontracts/Thread.md, version 1; threads.h (``ThreadState``) of 3.1 to 10; the debug
header of NativeAOT, which has neither managed ids nor states.
"""

from __future__ import annotations

from enum import IntFlag
from functools import cache, cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.linked_list import follow
from dotdump.clr.contracts.thread_anchors import find_anchors, list_threads
from dotdump.clr.data.frames import FRAME_TOP
from dotdump.clr.data.gc import GcAllocContext
from dotdump.clr.data.threads import AotExceptionInfo, AotThread, ExceptionInfo, Thread, ThreadStore
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.limits import MANAGED_THREADS, NESTED_EXCEPTIONS
from dotdump.records import record
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.thread_anchors import ThreadAnchors
    from dotdump.clr.data_access import DataAccess

_NOT_AN_OS_THREAD = 0xBAADF00D
_OS_ID_MASK = 0xFFFFFFFF


class ThreadState(IntFlag):
    """``ThreadState`` of threads.h, without its ``TS_``; the bits have the same meaning from 3.1 to 10."""

    ABORT_REQUESTED = 0x1
    GC_SUSPEND_PENDING = 0x2
    GC_SUSPEND_REDIRECTED = 0x4
    DEBUG_SUSPEND_PENDING = 0x8
    GC_ON_TRANSITIONS = 0x10
    LEGAL_TO_JOIN = 0x20
    EXECUTING_ON_ALT_STACK = 0x40
    HIJACKED = 0x80
    BLOCK_GC_FOR_SO = 0x100
    BACKGROUND = 0x200
    UNSTARTED = 0x400
    DEAD = 0x800
    WE_OWN = 0x1000
    CO_INITIALIZED = 0x2000
    IN_STA = 0x4000
    IN_MTA = 0x8000
    REPORT_DEAD = 0x10000
    FULLY_INITIALIZED = 0x20000
    TASK_RESET = 0x40000
    SYNC_SUSPENDED = 0x80000
    DEBUG_WILL_SYNC = 0x100000
    STACK_CRAWL_NEEDED = 0x200000
    SUSPEND_UNSTARTED = 0x400000
    COMPLETION_PORT_THREAD = 0x800000
    TP_WORKER_THREAD = 0x1000000
    INTERRUPTIBLE = 0x2000000
    INTERRUPTED = 0x4000000
    ABORT_INITIATED = 0x10000000
    FINALIZED = 0x20000000
    FAIL_STARTED = 0x40000000
    DETACHED = 0x80000000

    @property
    def words(self) -> tuple[str, ...]:
        """The bits that are set, in words; those without a name as a number."""
        return _words_of(int(self))


@cache
def _words_of(state: int) -> tuple[str, ...]:
    named = [flag for flag in ThreadState if state & flag == flag]
    rest = state & ~sum(named)
    return (*(str(flag.name).lower().replace("_", " ") for flag in named), *([f"{rest:#x}"] if rest else []))


@record
class ThreadRecord:
    """What the runtime says of the thread whose Thread is at ``address``.

    ``os_id`` is 0 where no thread of the system belongs to it. ``state`` and ``cooperative`` are None where the runtime
    does not say, ``lock_count`` from 8 on. ``object`` is the managed Thread; ``exceptions`` are the objects of those
    under way, the newest first; ``last_thrown`` is the one that was thrown last and is remembered. ``frame`` is the top
    of the explicit frames. An address is 0 for none.
    """

    address: int
    managed_id: int | None
    os_id: int
    state: ThreadState | None
    cooperative: bool | None
    lock_count: int | None
    object: int
    exceptions: tuple[int, ...]
    last_thrown: int
    frame: int


class Threads:
    """The threads of one runtime; ``problems`` says what of their list could not be read."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self.problems: list[Problem] = []

    @cached_property
    def addresses(self) -> Sequence[int]:
        """The address of each Thread, in the order in which the runtime made them."""
        found: list[int] = []
        try:
            for address in self._listed():
                found.append(address)  # noqa: PERF402 - what was listed before a fault is kept
            if self._anchors is not None and (count := self._counted(self._anchors.store)) != len(found):
                text = f"the runtime counts {count} threads, and the list of them ends after {len(found)}"
                self.problems.append(Problem("threads", text))
        except (FormatError, MemoryFault) as error:
            self.problems.append(Problem("threads", f"the list of threads breaks after {len(found)}: {error}"))
        return found[::-1] if self._is_aot else found

    @cached_property
    def count(self) -> int:
        """How many threads the runtime says it has; what is listed, where it does not say."""
        return len(self.addresses) if self._anchors is None else self._counted(self._anchors.store)

    def _counted(self, store: int) -> int:
        return ThreadStore(self._access, store).thread_count

    @property
    def finalizer(self) -> int:
        """The address of the Thread that runs finalizers; 0 where none is known."""
        return self._anchors.finalizer if self._anchors is not None else 0

    @property
    def suspending(self) -> int:
        """The address of the Thread that has suspended the others, for a collection mostly; 0 for none."""
        return self._anchors.suspending if self._anchors is not None else 0

    def read(self, address: int) -> ThreadRecord:
        """Return what there is to say of a thread; raises ``MemoryFault`` where its Thread cannot be read."""
        return self._read_aot(address) if self._is_aot else self._read_thread(address)

    def allocation_of(self, address: int) -> tuple[int, int]:
        """Return where a thread allocates next and where that ends; zeros for nowhere, and where it cannot be read."""
        try:
            return self._allocation(self._allocation_address(address))
        except MemoryFault:
            return (0, 0)

    @property
    def _is_aot(self) -> bool:
        return self._access.runtime.kind is RuntimeKind.NATIVE_AOT

    @property
    def _exception_info(self) -> type[ExceptionInfo | AotExceptionInfo]:
        return AotExceptionInfo if self._is_aot else ExceptionInfo

    @cached_property
    def _anchors(self) -> ThreadAnchors | None:
        if self._is_aot:
            return None
        try:
            found, why = find_anchors(self._access), ""
        except LimitExceeded as error:
            found, why = None, f": {error}"
        if found is None:
            self.problems.append(Problem("threads", f"the list of managed threads was not found{why}"))
        return found

    def _listed(self) -> Iterator[int]:
        if self._is_aot:
            return self._listed_aot()
        return list_threads(self._access, self._anchors.store) if self._anchors is not None else iter(())

    def _listed_aot(self) -> Iterator[int]:
        access = self._access
        instance = access.global_address("g_pTheRuntimeInstance")
        store = access.pointer(instance, "RuntimeInstance", "m_pThreadStore")
        first = access.pointer(store, "ThreadStore", "m_ThreadList")
        return follow(first, lambda thread: AotThread(access, thread).next, MANAGED_THREADS, "list of threads")

    def _read_thread(self, address: int) -> ThreadRecord:
        access, thread = self._access, Thread(self._access, address)
        os_id = thread.os_id & _OS_ID_MASK
        frame = thread.frame
        return ThreadRecord(
            address=address,
            managed_id=thread.id,
            os_id=0 if os_id == _NOT_AN_OS_THREAD else os_id,
            state=ThreadState(thread.state),
            cooperative=bool(thread.cooperative),
            lock_count=thread.lock_count if access.has("Thread", "LockCount") else None,
            object=self._behind(thread.exposed_object),
            exceptions=tuple(self._thrown(thread.exception_tracker)),
            last_thrown=self._behind(thread.last_thrown_object),
            frame=0 if frame == FRAME_TOP else frame,
        )

    def _read_aot(self, address: int) -> ThreadRecord:
        thread = AotThread(self._access, address)
        thrown = tuple(self._thrown(thread.exception))
        return ThreadRecord(address, None, thread.os_id & _OS_ID_MASK, None, None, None, 0, thrown, 0, 0)

    def _allocation_address(self, address: int) -> int:
        """Return the address of a thread's GCAllocContext, 0 where it has none any more."""
        access = self._access
        if self._is_aot:
            context = address + access.offset("RuntimeThreadLocals", "m_eeAllocContext")
            return context + access.offset("ee_alloc_context", "m_rgbAllocContextBuffer")
        thread = Thread(access, address)
        if access.has("Thread", "AllocContext"):
            return thread.address_of("AllocContext")
        local = thread.locals
        if not local:
            return 0
        context = local + access.offset("RuntimeThreadLocals", "AllocContext")
        return context + (
            access.offset("EEAllocContext", "GCAllocationContext")
            if access.has("EEAllocContext", "GCAllocationContext")
            else 0
        )

    def _allocation(self, place: int) -> tuple[int, int]:
        if not place:
            return (0, 0)
        context = GcAllocContext(self._access, place)
        return (context.pointer, context.limit)

    def exceptions_under_way(self, address: int) -> Iterator[int]:
        """Yield what the runtime keeps of each exception of a thread that is under way, the newest first.

        A chain that breaks or turns round ends there, with a problem.
        """
        return self._under_way(0 if self._is_aot else Thread(self._access, address).exception_tracker)

    def _under_way(self, newest: int) -> Iterator[int]:
        """Yield each of a chain from the newest on, once."""

        def previous(info: int) -> int:
            return self._exception_info(self._access, info).previous

        try:
            yield from follow(newest, previous, NESTED_EXCEPTIONS, "chain")
        except (FormatError, MemoryFault) as error:
            problem = Problem("threads", f"exceptions under way from {newest:#x} on: {error}")
            if problem not in self.problems:
                self.problems.append(problem)

    def _thrown(self, newest: int) -> Iterator[int]:
        """Yield the objects of the exceptions under way, of which the runtime keeps the ``newest`` there."""
        for info in self._under_way(newest):
            try:
                thrown = self._exception_info(self._access, info).thrown
            except MemoryFault:
                continue  # the chain cannot be followed either, and says so
            thrown = thrown if self._is_aot else self._behind(thrown)
            if thrown:
                yield thrown

    def _behind(self, handle: int) -> int:
        """Return the address that a handle holds; 0 for none, and where the handle is not in the target."""
        if not handle:
            return 0
        try:
            return self._access.reader.pointer(handle)
        except MemoryFault:
            return 0
