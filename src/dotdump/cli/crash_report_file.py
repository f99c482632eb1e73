"""A crash report beside a core: made of the core, so it needs neither the runtime nor the process any more."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.output import Place

SUFFIX = ".crashreport.json"


def write_crash_report(core: str) -> str:
    """Write the crash report of a core under the core's name with a suffix; return its path. Replaces an older one."""
    from dotdump.dump.output import Place

    directory, name = os.path.split(core)
    return write_crash_report_to(Place(directory or ".", f"{name}{SUFFIX}", replace=True), core)


def write_crash_report_to(place: Place, core: str) -> str:
    """Write the crash report of a core at ``place``; return its path."""
    from dotdump.analysis.crash_report import crash_report
    from dotdump.dump.output import open_output
    from dotdump.report.crash_report import render_crash_report
    from dotdump.target.core import open_core

    with open_core(core) as target:
        text = render_crash_report(crash_report(target))
    with open_output(place) as output:
        with open(output.descriptor, "wb", closefd=False) as file:
            file.write(text.encode())
        return output.publish()
