"""The loaded files and assemblies of a core as tables."""

from __future__ import annotations

from dotdump.report.table import render_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.analysis.assemblies import AssemblyRow
    from dotdump.analysis.modules import ModuleList


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
