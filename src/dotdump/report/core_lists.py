"""The loaded files of a core, as records for JSON and as a table for people."""

from __future__ import annotations

from dotdump.records import record
from dotdump.report.table import render_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.target.core import CoreTarget


@record
class ModuleRow:
    """One loaded file. ``file`` is where a file with its build-id was found on this machine."""

    base: str
    end: str
    path: str
    build_id: str
    version: str
    file: str


@record
class ModuleList:
    """The answer of ``dotdump modules``, by address."""

    core: str
    modules: tuple[ModuleRow, ...]


def module_list(target: CoreTarget) -> ModuleList:
    """Return the loaded files of a core."""
    rows = (
        ModuleRow(
            base=f"{module.base:#x}",
            end=f"{module.end:#x}",
            path=module.path,
            build_id=(module.build_id or b"").hex(),
            version=module.version,
            file=module.file.path if module.file else "",
        )
        for module in target.modules
    )
    return ModuleList(target.file.name, tuple(rows))


def render_modules(modules: ModuleList, *, width: int | None = None) -> str:
    """Return a table of the loaded files."""
    header = ("BASE", "END", "VERSION", "BUILD-ID", "FILE HERE", "PATH")
    rows = [(m.base, m.end, m.version, m.build_id[:16], "yes" if m.file else "no", m.path) for m in modules.modules]
    return render_table(header, rows, width=width)
