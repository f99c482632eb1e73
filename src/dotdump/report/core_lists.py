"""The loaded files and assemblies of a core, as records for JSON and as tables for people."""

from __future__ import annotations

from dotdump.records import record
from dotdump.report.table import render_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.analysis.assemblies import AssemblyRow
    from dotdump.target.core import CoreTarget
    from dotdump.target.model import Problem


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
    """The answer of ``dotdump modules``: ELF files by address, and what runtimes have loaded, in that order.

    ``problems`` are of the assemblies.
    """

    core: str
    modules: tuple[ModuleRow, ...]
    assemblies: tuple[AssemblyRow, ...]
    problems: tuple[Problem, ...]


def module_list(target: CoreTarget, assemblies: tuple[AssemblyRow, ...], problems: tuple[Problem, ...]) -> ModuleList:
    """Return the loaded files of a core, with the ``assemblies`` of its runtimes."""
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
    return ModuleList(target.file.name, tuple(rows), assemblies, problems)


def render_modules(modules: ModuleList, *, width: int | None = None) -> str:
    """Return a table of the loaded files, and one of the assemblies where there are some."""
    header = ("BASE", "END", "VERSION", "BUILD-ID", "FILE HERE", "PATH")
    rows = [(m.base, m.end, m.version, m.build_id[:16], "yes" if m.file else "no", m.path) for m in modules.modules]
    table = render_table(header, rows, width=width)
    return f"{table}\n\n{_render_assemblies(modules.assemblies, width)}" if modules.assemblies else table


def _render_assemblies(assemblies: tuple[AssemblyRow, ...], width: int | None) -> str:
    header = ("MODULE", "BASE", "ASSEMBLY", "VERSION", "FILE VERSION", "PATH")
    rows = [(a.module, a.base or "", a.name, a.version, a.file_version, a.path) for a in assemblies]
    return render_table(header, rows, width=width)
