"""``open_snapshot``: a ``Target`` over a copy-on-write twin of a live process, which runs on meanwhile.

The process stands still while one of its threads forks, which takes as long as copying its page tables, and while
memory that a fork does not freeze is copied. The twin is read through /proc/PID/mem only: process_vm_readv would pin
its pages, and so copy every one. x86-64 only. Source of truth: docs/decisions/0006, docs/decisions/0007.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import cached_property

from dotdump.closing import Closing
from dotdump.errors import AccessDenied, CollectError, ProcessGone, SnapshotRefused
from dotdump.linux.devices import devices_of
from dotdump.linux.fork_child import ForkedChild, fork
from dotdump.linux.gadgets import Gadgets, find_gadgets
from dotdump.linux.headroom import headroom, memory_groups
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.inject import DoesNotRun
from dotdump.linux.live_memory import live_memory, twin_memory
from dotdump.linux.maps import MapsMemo
from dotdump.linux.proc import Proc
from dotdump.linux.stop import require_held
from dotdump.linux.unfrozen import Copies, copy, unfrozen
from dotdump.linux.uninterrupted import can_hold_back, uninterrupted
from dotdump.target.burial import bury_twin
from dotdump.target.captured import inner_ids, platform_of_this_machine, process_facts, thread_names, threads_of
from dotdump.target.elf_module import close_files
from dotdump.target.injecting import injection_of
from dotdump.target.live_modules import modules_of, places_of_process
from dotdump.target.snapshot_memory import SnapshotMemory
from dotdump.target.snapshot_risks import LEAST_HEADROOM, find_risk, most_copied
from dotdump.target.stopping import StoppedProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.linux.process_memory import ProcessMemory
    from dotdump.linux.stop import StoppedWorld
    from dotdump.memory.region import Region
    from dotdump.memory.space import MemoryRange
    from dotdump.target.elf_module import ElfModule
    from dotdump.target.model import ProcessFacts, Thread
    from dotdump.target.stopping import Moment

WATCH_SECONDS = 0.1
_FOR_BURIAL = 4 << 20
"""Bytes held back, of which no page is touched: where memory has run out, there is enough to bury the twin."""


def open_snapshot(
    pid: int,
    *,
    first: int = 0,
    moment: Moment | None = None,
    symbols: Sequence[str] = (),
    memo: MapsMemo | None = None,
) -> SnapshotTarget:
    """Fork process ``pid`` at a ``moment`` that suits, and return the twin as a ``Target``; closing that ends it.

    ``first`` is the thread to put in front, by its id in the process's own PID namespace; ``symbols`` are directories
    with symbol files of its modules; ``memo`` has read its maps a moment before.

    Raises ``SnapshotRefused`` where another method must be used, ``ProcessGone``, ``AccessDenied``, ``CollectError``.
    """
    return SnapshotTarget(pid, first=first, moment=moment, symbols=symbols, memo=memo)


class SnapshotTarget(Closing):
    """The twin. ``pause`` is how long the process stood still, in seconds; ``not_atomic`` was or is read while it runs.

    ``problems`` says what could not be captured exactly; ``suited`` whether the moment did, after ``stops`` stops.
    """

    _closed = True

    def __init__(
        self,
        pid: int,
        *,
        first: int = 0,
        moment: Moment | None = None,
        symbols: Sequence[str] = (),
        memo: MapsMemo | None = None,
    ) -> None:
        if not can_hold_back():  # Ctrl-C could leave a twin behind, and nothing could be closed
            raise SnapshotRefused(
                "a filter of system calls (seccomp) refuses rt_sigaction or rt_sigprocmask to dotdump, by which signals"
                " wait for the end of a fork"
            )
        self.platform = platform_of_this_machine()
        self.problems: list[str] = []
        self._identity = ProcessIdentity.open(pid)
        self._child: ForkedChild | None = None
        self._world: StoppedWorld | None = None
        self._memo = memo or MapsMemo()
        self._held_back = bytearray(_FOR_BURIAL)
        self._closed = False
        try:
            self._proc = Proc(pid).living()
            self.places = places_of_process(self._proc, symbols)
            self.process: ProcessFacts = process_facts(pid)
            self._prepare(pid)
            with uninterrupted():
                stopped = self._take(pid, moment)
            self._finish(stopped, first)
        except BaseException:
            self.close()
            raise

    def _prepare(self, pid: int) -> None:
        """Do what is slow while the process still runs: look at its memory, find code, name threads."""
        regions = self._memo.latest or self._proc.maps(self._memo)
        use = self._proc.memory_use()
        self._wiped = use.wiped
        self._groups = memory_groups(pid)
        shadow_stack = b"shstk" in self._proc.read("status")
        risk = find_risk(use, self._groups, shadow_stack=shadow_stack)
        if risk is not None:
            raise SnapshotRefused(f"process {pid} {risk}")
        self._most_copied = most_copied(self._groups)
        with live_memory(self._proc.pid, regions) as memory:
            gadgets = find_gadgets(memory, regions)
        if gadgets is None:
            raise SnapshotRefused(f"process {pid} has no code that a fork could be made with")
        self._gadgets: Gadgets = gadgets
        self._names = thread_names(pid, self._proc.tasks())
        self._inner = inner_ids(pid, self._names)
        self.auxv: bytes = self._proc.read("auxv")

    def _take(self, pid: int, moment: Moment | None) -> StoppedProcess:
        stopped = StoppedProcess(pid, moment)
        self._world = stopped.world
        try:
            self._identity.check()
            self.regions: Sequence[Region] = Proc(stopped.live).maps(self._memo)
            with live_memory(stopped.live, self.regions) as memory:
                self._fork(stopped, memory)
                self._copies = self._copy_unfrozen(stopped, memory)
        finally:
            stopped.release()
        return stopped

    def _fork(self, stopped: StoppedProcess, memory: ProcessMemory) -> None:
        found = injection_of(stopped, self.regions, memory, self._gadgets, forks=True)
        if found is None:
            raise SnapshotRefused(f"process {stopped.world.pid} has no thread that a fork could be made with now")
        injection, options = found
        try:
            injection.begin(options)
            fork(injection, options, self._announce)
        except AccessDenied as error:
            raise SnapshotRefused(
                f"process {stopped.world.pid} runs under seccomp, which only CAP_SYS_ADMIN can suspend for a fork"
            ) from error
        except DoesNotRun as error:
            raise SnapshotRefused(f"process {stopped.world.pid} could not be forked: {error.message}") from error
        except OSError as error:
            if isinstance(error, ProcessGone):
                raise
            raise SnapshotRefused(f"process {stopped.world.pid} could not be forked: {error.strerror}") from error
        finally:
            injection.end()

    def _announce(self, child: ForkedChild) -> None:
        self._child = child

    def _copy_unfrozen(self, stopped: StoppedProcess, memory: ProcessMemory) -> Copies:
        """Copy what the twin lacks. What it did not inherit (DONTFORK), ``dup_mmap`` has taken off its size."""
        twin, child = Proc(self._twin.pid), self.regions
        if twin.pages() != Proc(stopped.live).pages():
            child = twin.maps()
        devices = devices_of(self.regions, self.places.roots, self.places.chroot)
        return copy(memory, unfrozen(self.regions, child, self._wiped, devices), self._most_copied)

    def _finish(self, stopped: StoppedProcess, first: int) -> None:
        """Do what is left when the process runs again."""
        self.pause = stopped.longest
        self.suited, self.stops = stopped.suited, stopped.stops
        self._twin.settle(self._gadgets)
        self.problems += stopped.problems
        new = [state.tid for state in stopped.states if state.tid not in self._names]
        pid = stopped.world.pid
        names, inner = self._names | thread_names(pid, new), self._inner | inner_ids(pid, new)
        self.threads: Sequence[Thread] = threads_of(self.process, stopped.states, names, inner, first)
        self.not_atomic: tuple[MemoryRange, ...] = self._copies.live
        running = None
        with ExitStack() as opened:
            if self.not_atomic:
                running = opened.enter_context(live_memory(self._proc.pid, self.regions))
                self.problems.append(f"{len(self.not_atomic)} shared mappings are too large to copy in the pause")
            frozen = opened.enter_context(twin_memory(self._twin.pid, self.regions))
            self.memory = SnapshotMemory(frozen, self._copies, running, self._watch)
            opened.pop_all()
        self._watched = time.monotonic()

    @cached_property
    def modules(self) -> Sequence[ElfModule]:
        """Its loaded ELF files, sorted by base."""
        return modules_of(self.places, self.memory, self.regions, self.auxv)

    @property
    def _twin(self) -> ForkedChild:
        if self._child is None:
            raise CollectError(f"process {self.process.pid} has no snapshot")
        return self._child

    def _watch(self) -> None:
        """Let late threads go, and give the twin up rather than the machine's memory. Runs as memory is read."""
        now = time.monotonic()
        if now - self._watched < WATCH_SECONDS:
            return
        self._watched = now
        if self._world is not None:
            self._world.release_late()
        if headroom(self._groups) < LEAST_HEADROOM:
            self._twin.kill()
            raise CollectError(
                f"gave up the snapshot of process {self.process.pid}: less than {LEAST_HEADROOM >> 20} MiB are left",
                hint="dotdump collect --method ptrace needs no memory beyond its buffer",
            )

    def check(self) -> None:
        """Raise ``ProcessGone`` where the twin was killed, the first when memory runs out: it lost pages then."""
        require_held(self._twin.pid, self._twin.pid)

    def end(self) -> None:
        """Have the twin end, and do not wait for that: it takes as long as the fork did. Nothing is read afterwards."""
        self._twin.end()

    def close(self) -> None:
        """End the twin and leave no trace of it. A second call does nothing."""
        if self._closed:
            return
        with uninterrupted():  # Ctrl-C between its death and its burial leaves a zombie in the process
            self._closed = True
            self._end()

    def __del__(self) -> None:
        """Close it where Ctrl-C came before the block that would, or as that block was left."""
        self.close()

    def _end(self) -> None:
        self._held_back = bytearray()
        close_files(self)
        if hasattr(self, "memory"):
            self.memory.close()
        if self._world is not None:
            late = self._world.close()
            if late:
                self.problems.append(f"threads {late} still sleep uninterruptibly; they are let go when dotdump ends")
        try:
            if self._child is not None:
                self._child.kill()
                if not self._identity.poll():  # else init waits for the twin
                    self.problems += bury_twin(self._identity.pid, self._child, self._gadgets, self._memo)
        finally:
            self._identity.close()
