"""``SourceLines``: the file and line of the source that an IL instruction comes from.

A portable PDB says it: one that the assembly holds in itself, or a file beside it, where the compiler put it, or in a
folder of symbols; it is taken only by the id that the assembly names. Where there is none there is no line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.portable_pdb import PortablePdb, embedded_pdb, pdb_name
from dotdump.memory.window import Window
from dotdump.records import record
from dotdump.target.side_files import open_side_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.portable_pdb import PdbName
    from dotdump.target.side_files import SideFile


@record
class SourceLine:
    """A place in the source; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int = 0


class SourceLines:
    """The PDBs of one runtime's modules, each looked for when it is first asked for."""

    def __init__(self, access: DataAccess, loader: Loader) -> None:
        self._access = access
        self._loader = loader
        self._pdbs: dict[int, PortablePdb | None] = {}
        self._files: dict[tuple[int, int], str] = {}

    def find(self, module: int, method_row_id: int, il: int) -> SourceLine | None:
        """Return where the IL at offset ``il`` of a method comes from, or None where no PDB says it."""
        pdb = self.find_pdb(module)
        if pdb is None:
            return None
        try:
            point = pdb.find_point(method_row_id, il)
            if point is None:
                return None
            return SourceLine(self._document(module, pdb, point.document), point.line, point.column)
        except FormatError:
            return None

    def find_pdb(self, module: int) -> PortablePdb | None:
        """Return the PDB of the module at address ``module``, or None where there is none that is its own."""
        if module not in self._pdbs:
            self._pdbs[module] = next(self._readable(module), None)
        return self._pdbs[module]

    def _document(self, module: int, pdb: PortablePdb, row_id: int) -> str:
        key = module, row_id
        if key not in self._files:
            self._files[key] = pdb.document(row_id)
        return self._files[key]

    def _readable(self, module: int) -> Iterator[PortablePdb]:
        for image in self._loader.images(module):
            try:
                name = pdb_name(image)
                packed = embedded_pdb(image)
                if packed is not None:
                    yield PortablePdb(packed)
                found = self._file(module, name) if name is not None else None
            except (FormatError, MemoryFault):
                continue
            if found is not None:
                yield found

    def _file(self, module: int, name: PdbName) -> PortablePdb | None:
        path = self._loader.path_of(module)
        folder, _, _ = path.rpartition("/")
        base = name.path.replace("\\", "/").rpartition("/")[2]
        paths = [f"{folder}/{base}"] if folder and base else []
        file = open_side_file(self._access.target.places, [*paths, name.path], self._is(name), limits.PDB)
        return _parse(file) if file is not None else None

    @staticmethod
    def _is(name: PdbName) -> Callable[[SideFile], bool]:
        return lambda file: _parse(file).id == name.id


def _parse(file: SideFile) -> PortablePdb:
    return PortablePdb(Window(file, 0, file.size), file.name)
