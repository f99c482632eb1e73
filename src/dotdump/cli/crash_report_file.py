"""A crash report beside a core: made of the core, so it needs neither the runtime nor the process any more."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.place import Place


def write_crash_report(core: str, *, replace: bool = True) -> str:
    """Write the crash report of a core under the core's name with a suffix; return its path."""
    from dotdump.dump.report_file import report_place

    return write_crash_report_to(report_place(core, replace=replace), core)


def write_crash_report_to(place: Place, core: str) -> str:
    """Write the crash report of a core at ``place``; return its path."""
    from dotdump.analysis.crash_report import crash_report
    from dotdump.dump.report_file import write_report
    from dotdump.report.crash_report import render_crash_report
    from dotdump.target.core import open_core

    with open_core(core) as target:
        text = render_crash_report(crash_report(target))
    return write_report(place, text.encode())
