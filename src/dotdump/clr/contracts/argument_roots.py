"""``ArgumentRoots``: which arguments of a call that has not begun are references.

The stub that was called has saved the registers in a TransitionBlock, in front of the arguments on the stack. A
ready-to-run image has a map of the words that are references. Otherwise the method's signature tells where each
argument is; where that takes what only a class loader knows (values that are structures, hidden arguments of generic
code), this says so and guesses nothing.

Source of truth: ``TransitionFrame::PromoteCallerStack`` of vm/frames.cpp, ``ArgIterator`` of vm/callingconvention.h.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from dotdump.clr.contracts.gc_desc import read_gc_desc
from dotdump.clr.contracts.method_descs import MethodKind
from dotdump.clr.contracts.stack_reference import StackReference
from dotdump.clr.contracts.type_flags import TypeFlags
from dotdump.clr.data.frames import FramedMethodFrame
from dotdump.clr.data.loaded_types import MethodTable
from dotdump.clr.data.protecting_frames import ExternalMethodFrame, ImportingFrame, StubDispatchFrame
from dotdump.errors import FormatError
from dotdump.formats.gc_ref_map import Token, find_gc_ref_map, parse_gc_ref_map
from dotdump.formats.metadata.signature_blobs import parse_method_signature
from dotdump.formats.metadata.signatures import (
    ArrayOf,
    ElementType,
    FunctionPointer,
    Instantiation,
    Modified,
    Named,
    Primitive,
    Wrapped,
)
from dotdump.limits import GC_REF_MAP_SIZE
from dotdump.records import record
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.contracts.frame_chain import ExplicitFrame
    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.method_descs import MethodDescs, MethodRecord
    from dotdump.clr.contracts.method_names import MethodNames
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.metadata.signatures import TypeSignature

_WORD = 8
_MAPPED: dict[str, type[ImportingFrame]] = {
    "StubDispatchFrame": StubDispatchFrame,
    "ExternalMethodFrame": ExternalMethodFrame,
}
_DEFAULT_CONVENTION = 0
_VECTOR_REGISTERS = 8


class _Kind(Enum):
    """How an argument of one word is passed, and what it is."""

    NUMBER = "number"
    FLOAT = "float"
    REFERENCE = "reference"
    INTERIOR = "interior"


_PRIMITIVES = {
    ElementType.R4: _Kind.FLOAT,
    ElementType.R8: _Kind.FLOAT,
    ElementType.STRING: _Kind.REFERENCE,
    ElementType.OBJECT: _Kind.REFERENCE,
    ElementType.TYPEDBYREF: None,
}
_WRAPPED = {ElementType.BYREF: _Kind.INTERIOR, ElementType.SZARRAY: _Kind.REFERENCE, ElementType.PTR: _Kind.NUMBER}


@record
class Block:
    """Parts of a TransitionBlock: ``arguments`` has ``registers`` saved ones, on ``stack`` lie the other arguments.

    ``first_word`` is where maps count from.
    """

    arguments: int
    registers: int
    first_word: int
    stack: int


class ArgumentRoots:
    """The arguments of calls that one runtime has not made yet."""

    def __init__(
        self,
        access: DataAccess,
        loader: Loader,
        methods: MethodDescs,
        names: MethodNames,
        shape_of: Callable[[int], ObjectShape | None],
    ) -> None:
        self._access = access
        self._loader = loader
        self._methods = methods
        self._names = names
        self._shape_of = shape_of
        self._word = access.reader.pointer

    def of(self, frame: ExplicitFrame) -> Iterator[StackReference]:
        """Yield the arguments that are references; raises ``FormatError`` where it cannot be told, ``MemoryFault``."""
        block = self.block_of(frame.address)
        mapped = self._map_of(frame)
        if mapped is not None:
            yield from self._by_map(mapped, block, frame)
        elif frame.method_desc:
            yield from self._by_signature(self._methods.read(frame.method_desc), block)
        else:
            raise _unknown(frame, "which method is called")

    def reference_offsets(self, method_table: int) -> Iterator[int]:
        """Yield where references lie in a value of the type at ``method_table``, from the start of the value."""
        shape = self._shape_of(method_table)
        if shape is None or shape.component_size:
            raise FormatError("it is no MethodTable of a value", source=f"type at {method_table:#x}")
        description = read_gc_desc(self._access.reader, shape)
        for start, length in zip(description[1::2], description[2::2], strict=True):
            yield from range(start - _WORD, start - _WORD + length + shape.base_size, _WORD)

    def block_of(self, frame: int) -> Block:
        """Return the parts of the TransitionBlock of the Frame at ``frame``.

        On x86-64 the registers of arguments come first, on arm64 last, behind x8.
        """
        address = FramedMethodFrame(self._access, frame).transition_block
        size, saved = self._access.size("TransitionBlock"), self._access.size("ArgumentRegisters")
        if self._access.target.platform.architecture is Architecture.AARCH64:
            first = address + size - saved
            return Block(first, saved // _WORD, first - _WORD, address + size)
        return Block(address, saved // _WORD, address, address + size)

    def _map_of(self, frame: ExplicitFrame) -> bytes | None:
        view_type = _MAPPED.get(frame.kind)
        if view_type is None:
            return None
        view = view_type(self._access, frame.address)
        if view.map:
            return self._access.reader.memory.read_available(view.map, GC_REF_MAP_SIZE)
        image = self._loader.find_image(view.module) if view.module and view.indirection else None
        return find_gc_ref_map(image, view.indirection - image.base) if image is not None and image.loaded else None

    def _by_map(self, mapped: bytes, block: Block, frame: ExplicitFrame) -> Iterator[StackReference]:
        for index, token in parse_gc_ref_map(mapped):
            if token in (Token.REFERENCE, Token.INTERIOR):
                yield self._reference(block.first_word + _WORD * index, interior=token == Token.INTERIOR)
            elif token == Token.VARARG_COOKIE:
                raise _unknown(frame, "what variable arguments are")

    def _by_signature(self, method: MethodRecord, block: Block) -> Iterator[StackReference]:
        blob = self._names.signature_of(method)
        if not blob:
            raise FormatError("it has no signature", source=f"method at {method.address:#x}")
        signature = parse_method_signature(blob)
        problem = self._why_unknown(method, signature.convention, signature.returns)
        if problem:
            raise FormatError(problem, source=f"arguments of the method at {method.address:#x}")
        places = _Places(block)
        if signature.has_this and not self._makes_string(method):
            yield self._reference(places.next_word(), interior=self._is_value_type(method))
        for parameter in signature.parameters:
            kind = _kind(parameter)
            if kind is None:
                raise FormatError("one is a structure", source=f"arguments of the method at {method.address:#x}")
            place = places.next_float() if kind is _Kind.FLOAT else places.next_word()
            if kind in (_Kind.REFERENCE, _Kind.INTERIOR):
                yield self._reference(place, interior=kind is _Kind.INTERIOR)

    def _why_unknown(self, method: MethodRecord, convention: int, returns: TypeSignature) -> str:
        """Return why a signature does not tell where arguments are; empty where it does."""
        if convention != _DEFAULT_CONVENTION:
            return f"calling convention {convention}"
        if method.arguments or (method.kind is not MethodKind.DYNAMIC and self._names.type_arguments_of(method)):
            return "generic code may take a hidden one"
        return "the value returned is a structure" if _kind(returns) is None else ""

    def _makes_string(self, method: MethodRecord) -> bool:
        """Return whether it is a constructor of String, which makes its object itself."""
        named = method.kind is MethodKind.FCALL and self._names.name_of(method) == ".ctor"
        return named and self._names.type_name_of(method) == "System.String"

    def _is_value_type(self, method: MethodRecord) -> bool:
        flags = MethodTable(self._access, method.method_table).flags
        return flags & TypeFlags.CATEGORY_VALUE_TYPE_MASK == TypeFlags.CATEGORY_VALUE_TYPE

    def _reference(self, address: int, *, interior: bool = False) -> StackReference:
        return StackReference(address, "", self._word(address), interior=interior)


class _Places:
    """Where one argument after the other is: in registers, as long as there are any of its kind, else on the stack."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._words = self._floats = self._stacked = 0

    def next_word(self) -> int:
        """Return where the next argument that is no float is."""
        if self._words < self._block.registers:
            self._words += 1
            return self._block.arguments + _WORD * (self._words - 1)
        return self._next_stacked()

    def next_float(self) -> int:
        """Return where the next float is, 0 for in a vector register."""
        if self._floats < _VECTOR_REGISTERS:
            self._floats += 1
            return 0
        return self._next_stacked()

    def _next_stacked(self) -> int:
        self._stacked += 1
        return self._block.stack + _WORD * (self._stacked - 1)


def _kind(signature: TypeSignature) -> _Kind | None:
    """Return how a type is passed; None for one that may take more than a word."""
    while isinstance(signature, Modified | Instantiation):
        signature = signature.of
    match signature:
        case Primitive(element):
            return _PRIMITIVES.get(element, _Kind.NUMBER)
        case Wrapped(element):
            return _WRAPPED.get(element)
        case Named(_, _, False) | ArrayOf():
            return _Kind.REFERENCE
        case FunctionPointer():
            return _Kind.NUMBER
    return None


def _unknown(frame: ExplicitFrame, what: str) -> FormatError:
    return FormatError(f"{what} is not known", source=f"{frame.kind} at {frame.address:#x}")
