"""``ClrType`` and ``ClrField``: a loaded type, its fields and what it comes from.

Everything is read when it is asked for, once. What a type cannot tell because its metadata is not in the target, it
does not have: no fields, no base, and a name that says its address.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.field_descs import FieldAttributes
from dotdump.clr.contracts.primitive_values import FORMATS, constant_value
from dotdump.clr.contracts.type_names import TypeFlags
from dotdump.clr.contracts.type_system import is_type_desc
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.metadata.signatures import ElementType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.contracts.native_aot_types import NativeAotTypeSystem
    from dotdump.clr.contracts.type_system import DeclaredField, TypeSystem
    from dotdump.formats.metadata.signatures import TypeSignature

_TYPE_DEF = 0x02000000
_FIELD = 0x04000000
_OBJECT_HEADER = 8
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
        return _TYPE_DEF | row_id if row_id else 0

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
        for kind in self.hierarchy:
            try:
                _ = kind.declared_fields
            except (FormatError, MemoryFault) as error:
                yield f"fields of {kind.name}: {error}"

    def __repr__(self) -> str:
        return f"<ClrType {self.name} at {self.method_table:#x}>"


class ClrField:
    """A field of ``declaring_type``. ``offset`` counts from the first byte after an object's MethodTable.

    The offset of a static field counts in its type's statics; a literal has none, and its ``constant`` is the value.
    """

    def __init__(self, declaring_type: ClrType, declared: DeclaredField) -> None:
        self.declaring_type = declaring_type
        self.signature = declared.signature
        self.name = declared.name
        self.type_name = declared.type_name
        self.attributes = declared.attributes
        self.token = _FIELD | declared.row_id
        self._record = declared.record
        self._constant = declared.constant

    @property
    def offset(self) -> int:
        """Bytes from the first one after the MethodTable, or from the first of its type's statics; -1 of a literal."""
        return self._record.offset if self._record is not None else -1

    @cached_property
    def element(self) -> ElementType:
        """What the runtime keeps in it: of an enum the number, ``CLASS`` for every reference."""
        if self._record is None:
            return ElementType(self._constant[0]) if self._constant else ElementType.END
        return ElementType(self._record.element)

    @cached_property
    def type(self) -> ClrType | None:
        """The loaded type that it is declared as; None for arrays, pointers and what is not loaded."""
        return self.declaring_type.resolve(self.signature)

    @property
    def is_static(self) -> bool:
        """Whether the type has it and not each instance; true of literals."""
        return bool(self.attributes & FieldAttributes.STATIC)

    @property
    def is_thread_static(self) -> bool:
        """Whether each thread has one."""
        return self._record is not None and self._record.is_thread_static

    @property
    def is_rva(self) -> bool:
        """Whether it lies in the image, as the bytes of an initialised array do."""
        return self._record is not None and self._record.is_rva

    @property
    def is_literal(self) -> bool:
        """Whether it is a constant that exists in metadata only."""
        return bool(self.attributes & FieldAttributes.LITERAL)

    @cached_property
    def is_reference(self) -> bool:
        """Whether it holds the address of an object."""
        return self.element in (ElementType.CLASS, ElementType.STRING, ElementType.OBJECT, ElementType.SZARRAY)

    @property
    def is_struct(self) -> bool:
        """Whether it holds a value of a struct type, no enum nor a number."""
        return self.element is ElementType.VALUETYPE

    @property
    def constant(self) -> int | float | str | bool | None:
        """The value of a literal; None for ``null`` and for what is no literal."""
        return constant_value(*self._constant) if self._constant is not None else None

    def address_in(self, address: int, *, interior: bool = False) -> int:
        """Return where the field lies of the object at ``address``, or of the struct there where it is ``interior``."""
        return address + self.offset + (0 if interior else _OBJECT_HEADER)

    def __repr__(self) -> str:
        return f"<ClrField {self.type_name} {self.declaring_type.name}.{self.name} at {self.offset}>"
