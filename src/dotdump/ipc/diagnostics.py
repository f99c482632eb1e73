"""What became of asking a process who it is. Light: ``state`` asks, and imports what asking takes."""

from __future__ import annotations

from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.process import ProcessInfo


class DiagnosticsState:
    """What became of the question who it is."""

    OK = "ok"
    OFF = "off"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    SILENT = "silent"
    SPOOFED = "spoofed"


@record
class Diagnostics:
    """``reason`` says why it is not ``OK``, ``hint`` what to do; ``info`` is None where it did not, or cannot, say.

    A runtime before .NET 5 is ``OK`` without ``info``: it answers, but does not know the question. So is one whose
    command line does not fit into a message: the answer is no.
    """

    state: str
    reason: str = ""
    hint: str | None = None
    info: ProcessInfo | None = None
