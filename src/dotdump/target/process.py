"""``open_process``: a ``Target`` over a live process, which is stopped for as long as it is open.

Nothing is written into the process, and nothing is committed there by reading. Whatever ends us, the kernel lets its
threads run on. x86-64 only.
"""

from __future__ import annotations

from dotdump.linux.backing import BackingFiles
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.pagemap import Pagemap
from dotdump.linux.proc import Proc
from dotdump.linux.process_memory import ProcessMemory, VmReader
from dotdump.linux.stop import StoppedWorld
from dotdump.linux.thread_state import capture_all
from dotdump.target.captured import platform_of_this_machine, process_facts, thread_names, threads_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from dotdump.memory.region import Region
    from dotdump.target.model import ProcessFacts, Thread


def open_process(pid: int) -> ProcessTarget:
    """Stop process ``pid`` and return it as a ``Target``; closing that lets it run on.

    Raises ``ProcessGone``, ``AccessDenied`` (not ours to trace, or traced already) or another ``CollectError``.
    """
    return ProcessTarget(pid)


class ProcessTarget:
    """A stopped process. Closing it lets the process run on; ``problems`` says what could not be captured exactly."""

    def __init__(self, pid: int, *, first: int = 0) -> None:
        self.platform = platform_of_this_machine()
        self.problems: list[str] = []
        self._identity = ProcessIdentity.open(pid)
        self._world = StoppedWorld(pid)
        try:
            self.process: ProcessFacts = process_facts(pid)
            self._world.seize()
            self._identity.check()
            self._world.stop()
            self._capture(first)
        except BaseException:
            self.close()
            raise

    def _capture(self, first: int) -> None:
        states = capture_all(self._world)
        late = [state.tid for state in states if not state.exact]
        if late:
            self.problems.append(f"threads {late} slept uninterruptibly: their registers are those of the system call")
        names = thread_names(self.process.pid, (state.tid for state in states))
        self.threads: Sequence[Thread] = threads_of(self.process, states, names, first)
        live = next((state.tid for state in states if state.exact), self.process.pid)
        proc = Proc(live)
        self.regions: Sequence[Region] = proc.maps()
        self.auxv: bytes = proc.read("auxv")
        self.memory = ProcessMemory(VmReader(live), self.regions, Pagemap(live), BackingFiles(live))

    def close(self) -> None:
        """Let the process run on. A second call does nothing."""
        late = self._world.close()
        if late:
            self.problems.append(f"threads {late} still sleep uninterruptibly; they are let go when dotdump ends")
        if hasattr(self, "memory"):
            self.memory.close()
        self._identity.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
