"""``ClrType``: a loaded type, its fields and what it comes from.

Everything is read when it is asked for, once. What a type cannot tell because its metadata is not in the target, it
does not have: no fields, no base, and a name that says its address.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.native_aot_types import NO_FIELDS
from dotdump.clr.contracts.primitive_values import FORMATS
from dotdump.clr.contracts.type_flags import TypeFlags
from dotdump.clr.contracts.type_handles import is_type_desc
from dotdump.clr.model.field import ClrField
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.metadata.tokens import TYPE_DEF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.contracts.native_aot_types import NativeAotTypeSystem
    from dotdump.clr.contracts.type_system import TypeSystem
    from dotdump.formats.metadata.signatures import TypeSignature

_FLAGS = "System.FlagsAttribute"
_FIXED_BUFFER = "FixedElementField"
"""What C# calls the only field of the struct behind ``fixed byte name[16]``."""


class ClrTypes:
    """The types of one runtime, each made once; ``name_of`` names a MethodTable."""

    def __init__(self, system: TypeSystem | NativeAotTypeSystem, name_of: Callable[[int], str]) -> None:
        self.system = system
        self.name_of = name_of
        self._types: dict[int, ClrType] = {}

    def at(self, method_table: int) -> ClrType:
        """Return the type whose MethodTable is at an address, which has been recognised as one."""
        if method_table not in self._types:
            self._types[method_table] = ClrType(self, method_table)
        return self._types[method_table]


class ClrType:
    """The type at ``method_table``."""

    def __init__(self, types: ClrTypes, method_table: int) -> None:
        self._types = types
        self._system = types.system
        self.method_table = method_table

    @cached_property
    def name(self) -> str:
        """Its full name, as ClrMD writes it: ``Namespace.Outer<Arg>+Inner[]``."""
        return self._types.name_of(self.method_table)

    @cached_property
    def module(self) -> int:
        """The address of the module that defines it; 0 where none is known."""
        return self._system.names.module_of(self.method_table)

    @cached_property
    def token(self) -> int:
        """Its TypeDef token; 0 for arrays and where there is none."""
        if self.is_array:
            return 0
        row_id = self._system.names.token_of(self.method_table)
        return TYPE_DEF | row_id if row_id else 0

    @cached_property
    def base(self) -> ClrType | None:
        """The type it derives from."""
        parent = self._system.base_of(self.method_table)
        return self._types.at(parent) if parent else None

    @cached_property
    def hierarchy(self) -> tuple[ClrType, ...]:
        """Itself and its base types, ``System.Object`` last; raises ``LimitExceeded`` for a loop."""
        found: list[ClrType] = []
        step: ClrType | None = self
        while step is not None:
            found.append(step)
            if len(found) > limits.BASE_TYPES:
                raise LimitExceeded(f"more than {limits.BASE_TYPES} base types", source=self.name)
            step = step.base
        return tuple(found)

    @cached_property
    def interfaces(self) -> tuple[ClrType, ...]:
        """The interfaces it has, those of its base types and of other interfaces included."""
        return tuple(self._types.at(table) for table in self._system.interfaces_of(self.method_table))

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of its generic arguments."""
        return tuple(self._system.names.name_of(handle) for handle in self._system.arguments_of(self.method_table))

    @property
    def is_collectible(self) -> bool:
        """Whether it can be unloaded: its statics live as long as its LoaderAllocator."""
        return self._system.is_collectible(self.method_table)

    @cached_property
    def is_array(self) -> bool:
        """Whether it is an array, of any rank."""
        return self._system.is_array(self.method_table)

    @cached_property
    def element_type(self) -> ClrType | None:
        """The type of an array's elements; None for what is no array, and for elements that are pointers."""
        handle = self._system.element_of(self.method_table) if self.is_array else 0
        return self._types.at(handle) if handle and not is_type_desc(handle) else None

    @cached_property
    def is_value_type(self) -> bool:
        """Whether its values lie in place instead of being referred to."""
        category = self._system.category(self.method_table)
        return category & TypeFlags.CATEGORY_VALUE_TYPE_MASK == TypeFlags.CATEGORY_VALUE_TYPE

    @cached_property
    def is_primitive(self) -> bool:
        """Whether its values are numbers: ``System.Int32`` and the like, and enums."""
        return self._is_category(TypeFlags.CATEGORY_PRIMITIVE_VALUE_TYPE, TypeFlags.CATEGORY_TRUE_PRIMITIVE)

    @cached_property
    def is_nullable(self) -> bool:
        """Whether it is a ``System.Nullable``."""
        return self._is_category(TypeFlags.CATEGORY_NULLABLE)

    @cached_property
    def value_size(self) -> int:
        """The bytes of a value type's values; of a class the bytes of its fields."""
        return self._system.instance_size(self.method_table)

    @cached_property
    def inline_element(self) -> ClrField | None:
        """The one field of an inline array or a fixed buffer, which stands for all elements."""
        return self.fields[0] if self.inline_element_size else None

    @cached_property
    def inline_element_size(self) -> int:
        """The bytes of an element of an inline array or a fixed buffer; 0 for any other type."""
        if not self.is_value_type or len(self.fields) != 1:
            return 0
        if self.fields[0].name == _FIXED_BUFFER and self.fields[0].element in FORMATS:
            return FORMATS[self.fields[0].element].size
        count = self._system.inline_length(self.method_table)
        return self.value_size // count if 0 < count <= self.value_size else 0

    def _is_category(self, *categories: TypeFlags) -> bool:
        return self._system.category(self.method_table) in categories

    @property
    def is_enum(self) -> bool:
        """Whether it is an enum."""
        return self.base is not None and self.base.name == "System.Enum"

    @cached_property
    def has_class_constructor(self) -> bool:
        """Whether it has code that fills its statics; so it is taken where its metadata cannot be read."""
        try:
            return self._system.has_class_constructor(self.method_table)
        except (FormatError, MemoryFault):
            return True

    @cached_property
    def is_flags(self) -> bool:
        """Whether values of an enum are sets of its members, as far as its metadata can be read."""
        try:
            return self._system.attribute_of(self.method_table, _FLAGS) is not None
        except (FormatError, MemoryFault):
            return False

    @property
    def is_string(self) -> bool:
        """Whether it is ``System.String``."""
        return self.name == "System.String"

    @cached_property
    def is_exception(self) -> bool:
        """Whether it is an exception, as far as its base types can be read: small dumps may leave them out."""
        try:
            return any(kind.name == "System.Exception" for kind in self.hierarchy)
        except (FormatError, MemoryFault):
            return False

    @property
    def keeps_fields(self) -> bool:
        """Whether its runtime keeps records of fields: NativeAOT does not, and there it seems to have none."""
        return self._system.keeps_fields

    @cached_property
    def declared_fields(self) -> tuple[ClrField, ...]:
        """The fields that it declares itself: of instances, static ones and literals.

        Raises ``FormatError`` where the runtime's records are damaged, ``MemoryFault`` where they are not there.
        """
        declared = self._system.declared_fields(self.method_table)
        return tuple(ClrField(self, field) for field in declared)

    @cached_property
    def fields(self) -> tuple[ClrField, ...]:
        """The fields of its instances by offset, those of base types too."""
        found = (field for kind in self.hierarchy for field in kind.declared_fields if not field.is_static)
        return tuple(sorted(found, key=lambda field: field.offset))

    @property
    def static_fields(self) -> tuple[ClrField, ...]:
        """The static fields that it declares, thread-static ones too, literals not."""
        return tuple(field for field in self.declared_fields if field.is_static and not field.is_literal)

    @property
    def literals(self) -> tuple[ClrField, ...]:
        """The constants that it declares: of an enum its members."""
        return tuple(field for field in self.declared_fields if field.is_literal)

    def find_field(self, name: str) -> ClrField | None:
        """Return the field of an instance with that name, of the most derived type; None where there is none.

        The name of an automatic property finds the field behind it.
        """
        return self._by_name.get(name) or self._by_name.get(f"<{name}>k__BackingField")

    @cached_property
    def _by_name(self) -> dict[str, ClrField]:
        found = (field for kind in reversed(self.hierarchy) for field in kind.declared_fields if not field.is_static)
        return {field.name: field for field in found}

    def name_of(self, handle: int) -> str:
        """Return the name of another type of the same runtime, by its TypeHandle."""
        return self._system.names.name_of(handle)

    def resolve(self, signature: TypeSignature) -> ClrType | None:
        """Return the loaded type that a signature of this type's metadata spells, or None."""
        handle = self._system.resolve(signature, self.method_table)
        return self._types.at(handle) if handle and not is_type_desc(handle) else None

    def problems(self) -> Iterator[str]:
        """Yield why fields of it or of a base type cannot be had."""
        if not self.keeps_fields and not self.is_array and not self.is_string:
            yield NO_FIELDS
        for kind in self.hierarchy:
            try:
                _ = kind.declared_fields
            except (FormatError, MemoryFault) as error:
                yield f"fields of {kind.name}: {error}"

    def __repr__(self) -> str:
        return f"<ClrType {self.name} at {self.method_table:#x}>"
