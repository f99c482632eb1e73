"""``ClrThread``: a thread as the runtime knows it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.threads import ThreadState
from dotdump.errors import ClrError, MemoryFault
from dotdump.limits import STACK_FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.contracts.frame_runs import Run
    from dotdump.clr.contracts.threads import ThreadRecord
    from dotdump.clr.contracts.walk_step import Ending, Step
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Thread

_POOL_NAMES = (".NET TP Worker", ".NET ThreadPool Worker")
_TIMER_NAMES = (".NET Timer",)
_POOL_STATES = int(ThreadState.TP_WORKER_THREAD | ThreadState.COMPLETION_PORT_THREAD)


class ClrThread:
    """The thread whose Thread is at ``address``; ``record`` is what was read of it."""

    def __init__(self, runtime: ClrRuntime, record: ThreadRecord) -> None:
        self._runtime = runtime
        self.record = record

    @property
    def address(self) -> int:
        """The address of its Thread: what sync blocks name as an owner."""
        return self.record.address

    @property
    def managed_id(self) -> int | None:
        """What ``Environment.CurrentManagedThreadId`` says; None in NativeAOT."""
        return self.record.managed_id

    @property
    def os_id(self) -> int:
        """The id that the system gives it; 0 for a thread that has not started, or has ended."""
        return self.record.os_id

    @property
    def state(self) -> ThreadState | None:
        """Its state; None in NativeAOT."""
        return self.record.state

    @property
    def gc_mode(self) -> str:
        """``cooperative`` where a collection waits for it, ``preemptive`` where it does not; empty where not known."""
        if self.record.cooperative is None:
            return ""
        return "cooperative" if self.record.cooperative else "preemptive"

    @property
    def lock_count(self) -> int | None:
        """How many locks it holds; None where the runtime does not count, as from 8 on."""
        return self.record.lock_count

    @property
    def allocation_context(self) -> tuple[int, int]:
        """Where it allocates next and where that ends; zeros for nowhere."""
        return self._runtime.thread_list.allocation_of(self.address)

    @property
    def frame(self) -> int:
        """The address of its newest explicit Frame; 0 for none."""
        return self.record.frame

    @property
    def is_alive(self) -> bool:
        """Whether it has started and not ended."""
        state = self.record.state
        return bool(self.os_id) and (state is None or not state & (ThreadState.UNSTARTED | ThreadState.DEAD))

    @property
    def is_finalizer(self) -> bool:
        """Whether it runs finalizers."""
        return self.address == self._runtime.thread_list.finalizer

    @property
    def is_gc(self) -> bool:
        """Whether it has suspended all others, as a collection does."""
        return self.address == self._runtime.thread_list.suspending

    @property
    def is_background(self) -> bool:
        """Whether the program may end without it."""
        return bool((self.state or 0) & ThreadState.BACKGROUND)

    @property
    def is_thread_pool_worker(self) -> bool:
        """Whether it belongs to the thread pool."""
        if int(self.state or 0) & _POOL_STATES:
            return True
        return self._told[1] or self.name.startswith(_POOL_NAMES)

    @property
    def is_timer(self) -> bool:
        """Whether it fires the timers of the program, as from 6 on one thread does."""
        return self.name.startswith(_TIMER_NAMES)

    @cached_property
    def managed_object(self) -> ClrObject | None:
        """Its ``System.Threading.Thread``; None where it has none, or none that can be read."""
        return self._object(self.record.object)

    @cached_property
    def name(self) -> str:
        """The name that the program gave it, else that which the system has; empty for none."""
        native = self.native
        return self._told[0] or (native.name if native is not None else "")

    @property
    def native(self) -> Thread | None:
        """The thread of the target that it is; None where that is gone, or not in the target."""
        return self._runtime.native_threads.get(self.os_id)

    @property
    def current_exception(self) -> ClrObject | None:
        """The exception that it handles or throws at this moment, else the last one that it remembers."""
        newest = next(iter(self.record.exceptions), 0)
        return self._object(self.record.last_thrown or newest)

    @cached_property
    def exceptions(self) -> Sequence[ClrObject]:
        """The exceptions under way, the newest first: one thrown while another was handled comes before that one."""
        return tuple(found for address in self.record.exceptions if (found := self._object(address)) is not None)

    def walk(self, *, native: bool = False, budget: int = STACK_FRAMES) -> Iterator[Step | Ending]:
        """Yield its frames, the newest first, and last why there are no more; with ``native`` native ones between."""
        return self._runtime.stack_walker.walk(self.record, self.native, native=native, budget=budget)

    def walk_in_runs(self, *, native: bool = False) -> Iterator[Step | Run | Ending]:
        """Yield its frames as ``walk`` does, managed ones of which only the places are told in runs of many."""
        return self._runtime.stack_walker.walk_in_runs(self.record, self.native, native=native)

    def _object(self, address: int) -> ClrObject | None:
        try:
            return self._runtime.heap.object(address) if address else None
        except (ClrError, MemoryFault):
            return None

    @cached_property
    def _told(self) -> tuple[str, bool]:
        """What its managed Thread says: its name, and whether it belongs to the pool."""
        return self._runtime.thread_objects.read(self.record.object)

    def __repr__(self) -> str:
        return f"<ClrThread {self.managed_id} of {self.os_id} {self.name!r}>"
