"""What a process had loaded: ELF files, and the assemblies of its runtimes."""

from __future__ import annotations

from dotdump.analysis.assemblies import list_assemblies
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.records import record

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


def list_modules(target: CoreTarget) -> ModuleList:
    """Return the loaded files of a core, and the assemblies of all runtimes in it."""
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
    found = [list_assemblies(runtime) for runtime in ClrRuntime.all_of(target)]
    assemblies = tuple(row for rows, _ in found for row in rows)
    problems = tuple(one for _, problems in found for one in problems)
    return ModuleList(target.file.name, tuple(rows), assemblies, problems)
