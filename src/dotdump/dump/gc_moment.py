"""When a dump can be walked: not in the middle of a garbage collection, when objects lie about half moved.

Asks the collector's own count of reasons why its heap is inconsistent. Where it is, is found while the process runs.
"""

from __future__ import annotations

from dotdump.errors import DotdumpError
from dotdump.formats.runtime_files import RUNTIME_FILE
from dotdump.target.live_modules import LiveView
from dotdump.target.stopping import Moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from dotdump.linux.maps import MapsMemo

DEFAULT_WAIT = 3.0
"""Seconds to wait for a moment without one."""


class GcMoment:
    """A moment between garbage collections of process ``pid``; ``moment`` is None where it has no collector we know.

    A context manager: it holds the process's memory open.
    """

    def __init__(self, pid: int, seconds: float, memo: MapsMemo | None = None) -> None:
        self._view: LiveView | None = None
        self.moment: Moment | None = None
        if seconds <= 0:
            return
        self._view = LiveView(pid, memo, RUNTIME_FILE)
        try:
            address = _invalid_count(self._view)
        except BaseException:
            self._view.close()
            raise
        if address:
            memory = self._view.memory
            self.moment = Moment(lambda: not any(memory.read_available(address, 4)), seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._view is not None:
            self._view.close()


def _invalid_count(view: LiveView) -> int:
    """Return where the count is, or 0: a program without .NET, or a runtime that has not started its collector yet."""
    from dotdump.clr.gc_dac_vars import find_gc_dac_vars

    try:
        found = find_gc_dac_vars(view)
    except DotdumpError:
        return 0
    return found.variables["StructureInvalidCount"] if found is not None else 0
