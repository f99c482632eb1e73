"""``MethodVariables``: the arguments and locals of a method, by name and type, numbered as debug info has them.

Source of truth: ECMA-335 II.25.4 for method bodies, II.23.2.6 for the types of locals; names of locals come from the
PDB of the module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.loader import has_metadata
from dotdump.clr.contracts.method_descs import MethodKind
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.metadata.schema import MethodDef, Param, StandAloneSig
from dotdump.formats.metadata.signature_blobs import parse_local_signature, parse_method_signature
from dotdump.formats.metadata.tokens import ROW_ID, STAND_ALONE_SIG
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.method_descs import MethodDescs, MethodRecord
    from dotdump.clr.contracts.method_names import MethodNames
    from dotdump.clr.contracts.source_lines import SourceLines
    from dotdump.formats.metadata.image import Metadata
    from dotdump.formats.metadata.signatures import MethodSignature, TypeSignature

_FAT, _FORMAT_MASK, _FAT_SIZE = 3, 3, 12


@record
class MethodVariable:
    """Variable ``number`` of a method; ``signature`` is its type, None for ``this``, which ``type_name`` names too.

    The signature is that of a method of the type whose MethodTable is at ``owner``.
    """

    number: int
    name: str
    type_name: str
    signature: TypeSignature | None
    owner: int


class MethodVariables:
    """What the methods of one runtime call their variables."""

    def __init__(self, records: MethodDescs, loader: Loader, names: MethodNames, lines: SourceLines) -> None:
        self._records = records
        self._loader = loader
        self._names = names
        self._lines = lines

    def arguments_of(self, method_desc: int) -> list[MethodVariable]:
        """Return the arguments of the method at an address, ``this`` first; raises ``FormatError``, ``MemoryFault``."""
        method = self._records.read(method_desc)
        signature = self._signature(method)
        if signature is None:
            return []
        names, writer, found = self._parameter_names(method), self._names.writer_of(method), []
        if signature.has_this:
            found.append(MethodVariable(0, "this", self._names.type_name_of(method), None, method.method_table))
        for index, parameter in enumerate(signature.parameters):
            name = names.get(index + 1, f"arg{index}")
            type_name = writer.type_name(parameter)
            found.append(MethodVariable(len(found), name, type_name, parameter, method.method_table))
        return found

    def locals_of(self, method_desc: int, il: int | None) -> list[MethodVariable]:
        """Return a method's locals: by a PDB those that are in scope at IL offset ``il``, else all, by number."""
        method = self._records.read(method_desc)
        signature = self._signature(method)
        first = signature.argument_count if signature is not None else 0
        types = self._local_types(method)
        names = self._local_names(method, il)
        if names is None:
            names = {number: f"local{number}" for number in range(len(types))}
        writer = self._names.writer_of(method)
        return [
            MethodVariable(first + number, name, writer.type_name(types[number]), types[number], method.method_table)
            for number, name in sorted(names.items())
            if number < len(types)
        ]

    def _signature(self, method: MethodRecord) -> MethodSignature | None:
        blob = self._names.signature_of(method)
        return parse_method_signature(blob) if blob else None

    def _parameter_names(self, method: MethodRecord) -> dict[int, str]:
        metadata = self._metadata(method)
        if metadata is None:
            return {}
        rows = (metadata.row(Param, row_id) for row_id in metadata.parameters_of(method.row_id))
        return {row.sequence: metadata.string(row.name) for row in rows}

    def _local_names(self, method: MethodRecord, il: int | None) -> dict[int, str] | None:
        if il is None or not method.row_id:
            return None
        pdb = self._lines.find_pdb(self._names.module_of(method))
        return pdb.locals_of(method.row_id, il) if pdb is not None else None

    def _local_types(self, method: MethodRecord) -> tuple[TypeSignature, ...]:
        metadata = self._metadata(method)
        if metadata is None:
            return ()
        for header in self._headers(method, metadata.row(MethodDef, method.row_id).rva):
            if header[0] & _FORMAT_MASK != _FAT:
                return ()
            token = int.from_bytes(header[8:12], "little")
            if token & ~ROW_ID != STAND_ALONE_SIG:
                return ()
            return parse_local_signature(metadata.blob(metadata.row(StandAloneSig, token & ROW_ID).signature))
        return ()

    def _headers(self, method: MethodRecord, rva: int) -> Iterator[bytes]:
        """Yield the first bytes of a method's IL, as each image that can be read has them."""
        for image in self._loader.images(self._names.module_of(method)) if rva else ():
            try:
                header = image.read(rva, _FAT_SIZE) if has_metadata(image) else b""
            except (FormatError, MemoryFault):
                continue
            if len(header) == _FAT_SIZE:
                yield header

    def _metadata(self, method: MethodRecord) -> Metadata | None:
        if method.kind is MethodKind.DYNAMIC or not method.row_id:
            return None
        return self._loader.find_metadata(self._names.module_of(method))
