"""``ClrMethod``: a method of the runtime, with the names that people know it by."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump.clr.contracts.method_descs import MethodKind
from dotdump.errors import FormatError, MemoryFault, UnsupportedRuntime
from dotdump.formats.metadata.tokens import METHOD_DEF
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.clr.contracts.method_descs import MethodDescs, MethodRecord
    from dotdump.clr.contracts.method_names import MethodNames
    from dotdump.clr.contracts.source_lines import SourceLine
    from dotdump.clr.model.type import ClrType


class ClrMethods:
    """The methods of one runtime, each made once."""

    def __init__(self, records: MethodDescs, names: MethodNames, type_at: Callable[[int], ClrType]) -> None:
        self.records = records
        self.names = names
        self.type_at = type_at
        self._methods: dict[int, ClrMethod] = {}

    def at(self, address: int) -> ClrMethod:
        """Return the method whose MethodDesc is at ``address``; raises ``MemoryFault``, ``FormatError``."""
        if address not in self._methods:
            self._methods[address] = ClrMethod(self, self.records.read(address))
        return self._methods[address]


class ClrMethod:
    """The method whose MethodDesc is at ``address``."""

    def __init__(self, methods: ClrMethods, record: MethodRecord) -> None:
        self._methods = methods
        self._names = methods.names
        self._record = record

    @property
    def address(self) -> int:
        """The address of its MethodDesc."""
        return self._record.address

    @property
    def token(self) -> int:
        """Its MethodDef token; 0 of what metadata does not have: dynamic methods, stubs, those of arrays."""
        return METHOD_DEF | self._record.row_id if self._record.row_id else 0

    @property
    def is_dynamic(self) -> bool:
        """Whether it was made at run time, without metadata: by a ``DynamicMethod``, or as a stub."""
        return self._record.kind is MethodKind.DYNAMIC

    @property
    def is_stub(self) -> bool:
        """Whether the runtime made it, to call from managed code into other code or back."""
        return self._record.is_stub

    @property
    def stored_signature(self) -> bytes:
        """The signature of what metadata does not have, which names types by their handles; else empty."""
        return self._record.stored_signature

    @cached_property
    def module(self) -> int:
        """The address of the Module that its tokens are of; 0 where it is not known."""
        try:
            return self._names.module_of(self._record)
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return 0

    @cached_property
    def type(self) -> ClrType | None:
        """The type that declares it; None of a method made at run time."""
        return None if self.is_dynamic else self._methods.type_at(self._record.method_table)

    @cached_property
    def type_name(self) -> str:
        """The name of its type, as it stands in the signature."""
        return self._names.type_name_of(self._record)

    @cached_property
    def name(self) -> str:
        """Its name alone."""
        try:
            return self._names.name_of(self._record)
        except (FormatError, MemoryFault, UnsupportedRuntime):
            return f"<method {self.token:#x}>"

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of a generic method's arguments."""
        return tuple(self._names.argument_names(self._record))

    @cached_property
    def signature(self) -> str:
        """Its full name with its parameters, as ClrMD and SOS write it.

        ``Outer+Inner`1[[Arg, Assembly]].Method[[Arg, Assembly]](Int32, Boolean ByRef)``; without parameters where the
        signature cannot be had.
        """
        parameters = self._names.parameters_of(self._record)
        return f"{self.type_name}.{self.name}{self._names.arguments_text(self._record)}{parameters}"

    @cached_property
    def source_name(self) -> str:
        """What its source calls it, where that is not its name: of async methods, lambdas, local functions.

        ``Namespace.Type.Method``, then what in it: ``Namespace.Type.Method, lambda``. Empty for all others.
        """
        from dotdump.formats.source_names import source_name

        return "" if self.is_dynamic else source_name(self._names.definition_name_of(self._record), self.name)

    def __repr__(self) -> str:
        return f"<ClrMethod {self.signature} at {self.address:#x}>"


@record
class CodeLocation:
    """Where code comes from: the IL offset in its method, and the line of the source; None for what is not known."""

    il_offset: int | None
    source: SourceLine | None
