"""``Subject``: the process that is to be dumped, held from first step to last, and what was seen of it from outside.

Only looks at /proc; stops nothing and asks the runtime nothing. What a core says is compared with what was seen here.
Source of truth: proc(5), pid_namespaces(7).
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property

from dotdump.closing import Closing
from dotdump.dump.naming import NameFacts
from dotdump.dump.verify import Expectation
from dotdump.errors import AccessDenied, FormatError, ProcessGone
from dotdump.formats.runtime_files import RUNTIME_FILE
from dotdump.ipc.runtime_exports import identify
from dotdump.linux.identity import ProcessIdentity
from dotdump.linux.maps import MapsMemo
from dotdump.linux.proc import Proc
from dotdump.memory.mapped_path import file_name, within
from dotdump.memory.region_table import named_regions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.linux.status import Status
    from dotdump.memory.region import Region
    from dotdump.memory.region_table import RegionTable

STOPPED, TRACED = "T", "t"
"""States of /proc/PID/stat: stopped by a signal (job control), stopped by a tracer."""


class Subject(Closing):
    """A process to dump. ``regions`` is its map and ``status`` its state when it was opened; a context manager.

    ``living`` is the same process by a thread that lives, where its main thread has ended; that has memory and files.
    ``memo`` knows the text of its map, so that reading the same again in a stop costs little.
    """

    def __init__(self, identity: ProcessIdentity) -> None:
        self.identity = identity
        self.proc = Proc(identity.pid)
        self.living = self.proc.living()
        self.status: Status = self.proc.status()
        self.memo = MapsMemo()
        self.regions: RegionTable = self.living.maps(self.memo)
        self._threads_before = frozenset(self.proc.tasks()) - self._ended_leader()

    @classmethod
    def open(cls, pid: int) -> Subject:
        """Hold process ``pid`` and look at it; raises ``ProcessGone``, ``AccessDenied`` or ``NotFound``."""
        identity = ProcessIdentity.open(pid)
        try:
            return cls(identity)
        except BaseException:
            identity.close()
            raise

    @property
    def pid(self) -> int:
        """The pid in our own namespace."""
        return self.identity.pid

    @property
    def name_facts(self) -> NameFacts:
        """What a template for the dump's name can ask for, as createdump would fill it in from here."""
        return name_facts(self.status)

    @cached_property
    def runtime(self) -> Region | None:
        """The first mapping of the runtime's module: libcoreclr.so, or the program that holds it; None without one."""
        heads = [region for region in named_regions(self.regions) if region.path[0] == "/" and region.offset == 0]
        for region in heads:
            if file_name(region.path) == RUNTIME_FILE:
                return region
        with suppress(AccessDenied, ProcessGone, OSError):
            if identify(f"{self.living.directory}/exe")[0] is not None:
                executable = self.living.executable()
                return next((region for region in heads if region.path == executable), None)
        return None

    def runtime_path(self) -> str:
        """Return the path of the runtime's module as the process itself names it; empty without one."""
        return within(self.living.root(), self.runtime.path) if self.runtime is not None else ""

    def state(self) -> str:
        """Return its state as it is now, one letter of ps, that of its main thread if that lives; ``""`` at its end."""
        try:
            stat = self.proc.stat()
            return (self.proc.living().stat() if stat.has_ended else stat).state
        except ProcessGone:
            return ""

    def reaped_faults(self) -> int:
        """Return the page faults of children that it has waited for: more than before where one has ended since."""
        try:
            return self.proc.stat().reaped_faults
        except ProcessGone:
            return 0

    def tracer(self) -> int:
        """Return the pid of who traces its main thread now, 0 for nobody."""
        try:
            return self.proc.status().tracer
        except ProcessGone:
            return 0

    def children(self) -> list[int]:
        """Return the pids of its children, dead ones that it has not waited for among them."""
        try:
            return self.proc.children()
        except (ProcessGone, AccessDenied, FormatError):
            return []

    def expectation(self) -> Expectation:
        """Return what must be in a core taken since the subject was opened: ask when the dump is there.

        Threads that were there before and are there still lived all the while, so they must be in the core.
        """
        runtime = self.runtime
        return Expectation(
            pid=self.status.namespace_pid,
            threads=self._lasting_threads(),
            runtime=runtime.path if runtime else "",
            runtime_base=runtime.start if runtime else 0,
            runtime_inside=self.runtime_path(),
        )

    def close(self) -> None:
        """Let go of it. A second call does nothing."""
        self.identity.close()

    def _ended_leader(self) -> frozenset[int]:
        return frozenset((self.pid,) if self.living.pid != self.pid else ())

    def _lasting_threads(self) -> frozenset[int]:
        """Return the ids, in its own namespace, of threads that outlived the dump; none where the process did not."""
        try:
            lasting = self._threads_before & frozenset(self.proc.tasks())
        except ProcessGone:
            return frozenset()
        if len(self.status.namespace_pids) < 2:
            return lasting
        return frozenset(own for tid in lasting if (own := self._own_id(tid)))

    def _own_id(self, tid: int) -> int:
        try:
            return self.proc.task(tid).status().namespace_pids[-1]
        except (ProcessGone, IndexError):
            return 0


def name_facts(status: Status) -> NameFacts:
    """Return what a template for the name of a dump of that process can ask for, now."""
    import time

    return NameFacts(status.pid, status.name, os.uname().nodename, int(time.time()))
