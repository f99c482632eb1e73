"""A crash report beside a core: its name is known to be free before the target is touched."""

from __future__ import annotations

import os

from dotdump.dump.output import OutputFile, open_output
from dotdump.dump.place import Place
from dotdump.errors import OutputRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.destination import Output

SUFFIX = ".crashreport.json"


def require_report_name(output: Output) -> None:
    """Raise ``OutputRefused`` where no crash report can be put beside what is about to be written."""
    if not isinstance(output, OutputFile):
        raise OutputRefused(f"no crash report can be written beside {output.path}: it has no name in a directory")
    output.require_beside(SUFFIX)


def report_place(core: str, *, replace: bool) -> Place:
    """Return where the crash report of a core goes; a name that is taken gets a number, or is replaced."""
    directory, name = os.path.split(core)
    return Place(directory or ".", f"{name}{SUFFIX}", numbered=not replace, replace=replace)


def write_report(place: Place, report: bytes) -> str:
    """Write a crash report and return its path."""
    with open_output(place) as output:
        with open(output.descriptor, "wb", closefd=False) as file:
            file.write(report)
        return output.publish()
