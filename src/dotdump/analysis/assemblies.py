"""Assemblies that a runtime has loaded: what each is, which build, and where it came from."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import FormatError
from dotdump.formats.metadata.attributes import file_version
from dotdump.formats.metadata.schema import Assembly, Module
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.formats.metadata.image import Metadata
    from dotdump.target.model import Problem


@record
class AssemblyRow:
    """An assembly. ``module`` is the address of the runtime's record of its module, ``base`` of its image.

    ``version`` is the assembly's own, ``file_version`` that of its build, ``mvid`` what no other build has. ``base`` is
    None of one made at run time, and texts are empty where its metadata cannot be had.
    """

    module: str
    base: str | None
    name: str
    version: str
    file_version: str
    mvid: str
    path: str


def list_assemblies(runtime: ClrRuntime) -> tuple[tuple[AssemblyRow, ...], Sequence[Problem]]:
    """Return the assemblies in the order in which they were loaded, and what of the list could not be read."""
    if runtime.kind is not RuntimeKind.CORECLR:
        return (), ()
    rows = tuple(_row(runtime, module) for module in runtime.assemblies.modules)
    return rows, (*runtime.problems, *runtime.assemblies.problems)


def _row(runtime: ClrRuntime, module: int) -> AssemblyRow:
    loader = runtime.loader
    base = next(loader.bases_of(module), None)
    metadata = loader.find_metadata(module)
    version = build = mvid = ""
    if metadata is not None:
        with suppress(FormatError):
            version, mvid = _version(metadata), _mvid(metadata)
            build = file_version(metadata)
    place = f"{base:#x}" if base else None
    return AssemblyRow(f"{module:#x}", place, _name(runtime, module), version, build, mvid, loader.path_of(module))


def _name(runtime: ClrRuntime, module: int) -> str:
    """Return the name of a module, without the ending of a file."""
    return runtime.loader.name_of(module).removesuffix(".dll").removesuffix(".exe")


def _version(metadata: Metadata) -> str:
    row = metadata.row(Assembly, 1)
    return f"{row.major}.{row.minor}.{row.build}.{row.revision}"


def _mvid(metadata: Metadata) -> str:
    return str(metadata.guid(metadata.row(Module, 1).mvid) or "")
