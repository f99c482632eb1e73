"""``open_process``: a ``Target`` over a live process, which is stopped for as long as it is open.

Nothing is written into the process, and nothing is committed there by reading. Whatever ends us, the kernel lets its
threads run on. x86-64 only.
"""

from __future__ import annotations

import time
from functools import cached_property

from dotdump.closing import Closing
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.live_memory import live_memory
from dotdump.linux.proc import Proc
from dotdump.linux.stop import require_held
from dotdump.linux.userfaults import answers_faults, awaited
from dotdump.target.captured import (
    crashed,
    inner_ids,
    platform_of_this_machine,
    process_facts,
    thread_names,
    threads_of,
)
from dotdump.target.elf_module import close_files
from dotdump.target.live_modules import modules_of, places_of_process
from dotdump.target.stopping import StoppedProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.formats.core_notes import Siginfo
    from dotdump.linux.maps import MapsMemo
    from dotdump.memory.region import Region
    from dotdump.target.elf_module import ElfModule
    from dotdump.target.model import ProcessFacts, Thread
    from dotdump.target.stopping import Moment


def open_process(
    pid: int,
    *,
    first: int = 0,
    siginfo: Siginfo | None = None,
    moment: Moment | None = None,
    memo: MapsMemo | None = None,
) -> ProcessTarget:
    """Stop process ``pid``, at a ``moment`` that suits, and return it as a ``Target``; closing that lets it run on.

    ``first`` is the thread to put in front, by its id in the process's own PID namespace; ``siginfo`` what it died of;
    ``memo`` has read its maps before.

    Raises ``ProcessGone``, ``AccessDenied`` (not ours to trace, or traced already) or another ``CollectError``.
    """
    return ProcessTarget(pid, first=first, siginfo=siginfo, moment=moment, memo=memo)


class ProcessTarget(Closing):
    """A stopped process. Closing it lets the process run on; ``problems`` says what could not be captured exactly."""

    _closed = True

    def __init__(
        self,
        pid: int,
        *,
        first: int = 0,
        siginfo: Siginfo | None = None,
        moment: Moment | None = None,
        memo: MapsMemo | None = None,
    ) -> None:
        self.platform = platform_of_this_machine()
        self.problems: list[str] = []
        self._stopped: StoppedProcess | None = None
        self._identity = ProcessIdentity.open(pid)
        self._closed = False
        try:
            self._proc = Proc(pid).living()
            self.places = places_of_process(self._proc)
            self.process: ProcessFacts = process_facts(pid)
            names, inner = thread_names(pid, Proc(pid).tasks()), inner_ids(pid, Proc(pid).tasks())
            answers = answers_faults(self._proc.pid)
            self._stopped = StoppedProcess(pid, moment)
            self._identity.check()
            self._capture(self._stopped, names, inner, first)
            self._read_map(self._stopped.live, memo, answers_faults=answers)
            self._mark_crash(siginfo)
        except BaseException:
            self.close()
            raise

    def _capture(self, stopped: StoppedProcess, names: dict[int, str], inner: dict[int, int], first: int) -> None:
        self.suited, self.stops = stopped.suited, stopped.stops
        self.problems += stopped.problems
        pid = stopped.world.pid
        new = [state.tid for state in stopped.states if state.tid not in names]
        names |= thread_names(pid, new)
        inner |= inner_ids(pid, new)
        self.threads: Sequence[Thread] = threads_of(self.process, stopped.states, names, inner, first)

    def _read_map(self, live: int, memo: MapsMemo | None, *, answers_faults: bool) -> None:
        proc = Proc(live)
        self.regions: Sequence[Region] = proc.maps(memo)
        self.auxv: bytes = proc.read("auxv")
        unsupplied = awaited(live) if answers_faults else ()
        self.memory = live_memory(live, self.regions, unsupplied)

    def _mark_crash(self, siginfo: Siginfo | None) -> None:
        if siginfo is not None:
            self.threads = [crashed(self.threads[0], siginfo), *self.threads[1:]]

    @cached_property
    def modules(self) -> Sequence[ElfModule]:
        """Its loaded ELF files, sorted by base."""
        return modules_of(self.places, self.memory, self.regions, self.auxv)

    @property
    def pause(self) -> float:
        """How long the process has stood still at a stretch, in seconds, at most."""
        if self._stopped is None:
            return 0.0
        return self._stopped.longest if self._closed else time.monotonic() - self._stopped.begun

    def check(self) -> None:
        """Raise ``ProcessGone`` where the process was killed meanwhile: pages that it lost then were taken for zero."""
        if self._stopped is not None and any(state.exact for state in self._stopped.states):
            require_held(self._identity.pid, self._stopped.live)

    def close(self) -> None:
        """Let the process run on. A second call does nothing."""
        if self._closed:
            return
        if self._stopped is not None:
            self._stopped.release()
            late = self._stopped.world.close()
            if late:
                self.problems.append(f"threads {late} still sleep uninterruptibly; they are let go when dotdump ends")
        self._closed = True
        close_files(self)
        if hasattr(self, "memory"):
            self.memory.close()
        self._identity.close()

    def __del__(self) -> None:
        """Let the process run on where Ctrl-C came before the block that would, or as that block was left."""
        self.close()
