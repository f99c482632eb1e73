"""``ProcessStat``: /proc/PID/stat, one line of numbers around a name that may hold anything.

The name is the process's own choice: it may contain spaces, parentheses and newlines, so the fields begin after the
*last* ``)``. Source of truth: proc_pid_stat(5).
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.linux import text
from dotdump.records import record

ENDED = frozenset("ZXx")
"""States of a process or thread that has ended: what is left of it has no memory."""
_LEAST_FIELDS = 22
_EXIT_SIGNAL, _EXIT_STATUS = 35, 49


@record
class ProcessStat:
    """One /proc/PID/stat. ``start_time`` is in clock ticks since boot: with the pid it names one process for ever.

    ``virtual`` is in bytes, ``resident_pages`` in pages; ``reaped_faults`` are the page faults of all children that it
    has waited for, which grow by some with each; ``processor_ticks`` is how long its threads have run, in clock ticks.
    ``exit_signal`` is what its end sends to its parent, 0 for nothing, and ``exit_status`` how it ended, as wait(2) has
    it; None where the kernel does not say.
    """

    pid: int
    name: str
    state: str
    parent: int
    group: int
    session: int
    flags: int
    reaped_faults: int
    processor_ticks: int
    threads: int
    start_time: int
    virtual: int
    resident_pages: int
    exit_signal: int | None = None
    exit_status: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, and waits to be reaped at most."""
        return self.state in ENDED


def parse_stat(data: bytes, source: str = "stat") -> ProcessStat:
    """Parse the text of a stat file of a process or thread; raises ``FormatError`` for text that is none."""
    start, end = data.find(b"("), data.rfind(b")")
    fields = data[end + 1 :].split()
    if start < 0 or end < start or len(fields) < _LEAST_FIELDS:
        raise FormatError("not a line of process status", source=source)
    number = [text.decimal(field, source) for field in fields[1:_LEAST_FIELDS]]
    return ProcessStat(
        pid=text.decimal(data[:start], source),
        name=text.name(data[start + 1 : end]),
        state=fields[0].decode("ascii", "replace"),
        parent=number[0],
        group=number[1],
        session=number[2],
        flags=number[5],
        reaped_faults=number[7],
        processor_ticks=number[10] + number[11],
        threads=number[16],
        start_time=number[18],
        virtual=number[19],
        resident_pages=number[20],
        exit_signal=_optional(fields, _EXIT_SIGNAL, source),
        exit_status=_optional(fields, _EXIT_STATUS, source),
    )


def _optional(fields: list[bytes], index: int, source: str) -> int | None:
    return text.decimal(fields[index], source) if index < len(fields) else None
