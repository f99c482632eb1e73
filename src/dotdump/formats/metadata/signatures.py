"""Signatures: the types, methods and locals that metadata spells, as trees of small records.

Names are not looked up here. Source: ECMA-335 II.23.2; element type 0x21 (a TypeHandle in place) is the runtime's own,
corhdr.h.
"""

from __future__ import annotations

from enum import IntEnum

from dotdump.records import record

MAX_DEPTH = 64
"""Nesting of types in one signature: generic code in the wild stays below a dozen."""


class ElementType(IntEnum):
    """CorElementType."""

    END = 0x00
    VOID = 0x01
    BOOLEAN = 0x02
    CHAR = 0x03
    I1 = 0x04
    U1 = 0x05
    I2 = 0x06
    U2 = 0x07
    I4 = 0x08
    U4 = 0x09
    I8 = 0x0A
    U8 = 0x0B
    R4 = 0x0C
    R8 = 0x0D
    STRING = 0x0E
    PTR = 0x0F
    BYREF = 0x10
    VALUETYPE = 0x11
    CLASS = 0x12
    VAR = 0x13
    ARRAY = 0x14
    GENERICINST = 0x15
    TYPEDBYREF = 0x16
    I = 0x18  # noqa: E741 (corhdr.h's own name)
    U = 0x19
    FNPTR = 0x1B
    OBJECT = 0x1C
    SZARRAY = 0x1D
    MVAR = 0x1E
    CMOD_REQD = 0x1F
    CMOD_OPT = 0x20
    INTERNAL = 0x21
    CMOD_INTERNAL = 0x22
    SENTINEL = 0x41
    PINNED = 0x45


@record
class Primitive:
    """A type that its element type says in full."""

    element: ElementType


@record
class Named:
    """A TypeDef, TypeRef or TypeSpec, by table and row id."""

    table: int
    row_id: int
    is_value_type: bool


@record
class Handle:
    """A TypeHandle of the running process (element type INTERNAL)."""

    address: int


@record
class Wrapped:
    """PTR, BYREF, SZARRAY or PINNED around a type."""

    element: ElementType
    of: TypeSignature


@record
class ArrayOf:
    """A general array; ``sizes`` and ``lower_bounds`` as far as they are given."""

    of: TypeSignature
    rank: int
    sizes: tuple[int, ...]
    lower_bounds: tuple[int, ...]


@record
class Instantiation:
    """A generic type with its arguments."""

    of: TypeSignature
    arguments: tuple[TypeSignature, ...]


@record
class Variable:
    """Generic parameter ``number`` of the type (VAR) or of the method (MVAR)."""

    element: ElementType
    number: int


@record
class Modified:
    """A type with a custom modifier."""

    required: bool
    modifier: TypeSignature
    of: TypeSignature


@record
class FunctionPointer:
    """A pointer to a function."""

    signature: MethodSignature


TypeSignature = Primitive | Named | Handle | Wrapped | ArrayOf | Instantiation | Variable | Modified | FunctionPointer


@record
class MethodSignature:
    """A method's signature; ``convention`` is the low nibble of its first byte (0 default, 5 vararg)."""

    has_this: bool
    convention: int
    generic_parameters: int
    returns: TypeSignature
    parameters: tuple[TypeSignature, ...]

    @property
    def argument_count(self) -> int:
        """How many arguments a call of it has in IL: ``this`` is one."""
        return self.has_this + len(self.parameters)
