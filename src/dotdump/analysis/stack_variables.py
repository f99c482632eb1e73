"""Arguments and locals on stacks: what each method has in its variables, where its code still keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.register_values import struct_text
from dotdump.analysis.stacks import StackFrame, StackList, StackVariable, ThreadStack
from dotdump.analysis.value_text import VALUE_LIMIT, describe, text_of
from dotdump.clr.contracts.primitive_values import FORMATS, primitive_value
from dotdump.clr.contracts.signature_strings import PRIMITIVES
from dotdump.clr.contracts.type_handles import is_type_desc
from dotdump.clr.contracts.walk_step import Step, StepKind
from dotdump.clr.model.known_values import known_value, size_of_known
from dotdump.clr.model.value import Unreadable, read_struct
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UNREADABLE
from dotdump.formats.gc_info.encoding import NEWEST, encoding_of
from dotdump.formats.metadata import signatures as s
from dotdump.formats.native_variables import Location, find_variable
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.method_variables import MethodVariable
    from dotdump.clr.contracts.walk_context import WalkContext
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.formats.native_variables import NativeVariable


_E = s.ElementType
_ELEMENTS = {name: element for element, name in PRIMITIVES.items() if element in FORMATS}
_CANON = "System.__Canon"
"""What stands for every class in code that is shared by several."""
_WORD = 8
_BY_REFERENCE = (Location.REGISTER_BY_REFERENCE, Location.STACK_BY_REFERENCE)
_ON_STACK = (Location.STACK, Location.STACK_BY_REFERENCE, Location.TWO_STACK_WORDS)
_IN_REGISTER = (Location.REGISTER, Location.REGISTER_BY_REFERENCE)


def with_variables(
    runtime: ClrRuntime, stacks: StackList, *, arguments: bool = False, local_variables: bool = False
) -> StackList:
    """Return ``stacks`` with the variables of each managed frame; one without a value is not kept there any more."""
    if runtime.kind is RuntimeKind.NATIVE_AOT:
        return stacks
    reader = _Variables(runtime, arguments=arguments, local_variables=local_variables)
    return replace(stacks, threads=tuple(reader.of_thread(thread) for thread in stacks.threads))


class _Variables:
    """Reads variables of one runtime's frames."""

    def __init__(self, runtime: ClrRuntime, *, arguments: bool, local_variables: bool) -> None:
        self._runtime = runtime
        self._arguments = arguments
        self._locals = local_variables
        self._registers = encoding_of(runtime.target.platform.machine, NEWEST)
        self._frame_register = self._registers.frame_register
        self._numbers = {name: number for number, name in runtime.stack_walker.native.registers.names.items()}

    def of_thread(self, stack: ThreadStack) -> ThreadStack:
        """Return a stack with the variables of its frames; one that the runtime does not know as it is."""
        known = (thread for thread in self._runtime.threads if thread.managed_id == stack.managed_id)
        thread = next((thread for thread in known if thread.os_id == stack.os_id), None)
        if thread is None:
            return stack
        steps = {
            (f"{step.context.sp:#x}", f"{step.context.pc:#x}"): step
            for step in thread.walk()
            if isinstance(step, Step) and step.kind is StepKind.MANAGED and step.context is not None
        }
        return replace(stack, frames=tuple(self._of_frame(frame, steps) for frame in stack.frames))

    def _of_frame(self, frame: StackFrame, steps: dict[tuple[str, str], Step]) -> StackFrame:
        step = steps.get((frame.sp, frame.location.ip or ""))
        if step is None or step.context is None or step.code is None or not step.code.method_desc:
            return frame
        return replace(frame, variables=tuple(self._of_code(step.code, step.context)))

    def _of_code(self, code: CodeBlock, context: WalkContext) -> Iterator[StackVariable]:
        names, debug = self._runtime.method_variables, self._runtime.debug_infos
        try:
            places = debug.variables(code)
            wanted = [("argument", one) for one in names.arguments_of(code.method_desc)] if self._arguments else []
            if self._locals:
                il = debug.il_offset(code)
                wanted += [("local", one) for one in names.locals_of(code.method_desc, il)]
        except UNREADABLE:
            return
        for kind, variable in wanted:
            place = find_variable(places, variable.number, code.relative_offset)
            yield self._read(kind, variable, place, context)

    def _read(
        self, kind: str, variable: MethodVariable, place: NativeVariable | None, context: WalkContext
    ) -> StackVariable:
        value = where = None
        try:
            if place is not None and place.location in _IN_REGISTER:
                name = self._registers.registers[place.register]
                word = self._register(place.register, context)
                if word is not None:
                    where, value = name, self._value(variable, word.to_bytes(_WORD, "little"), place, name)
            elif place is not None and place.location in _ON_STACK:
                address = self._address(place, context)
                if address is not None:
                    where = f"{address:#x}"
                    data = self._runtime.target.memory.read(address, _WORD)
                    value = self._value(variable, data, place, where)
        except (IndexError, *UNREADABLE) as error:
            value = f"({error})"
        return StackVariable(kind, variable.name, variable.type_name, where, value if where else None)

    def _register(self, register: int, context: WalkContext) -> int | None:
        """Return what a register holds; None where what was called may have changed it."""
        if not context.interrupted and register not in self._registers.preserved and register != self._frame_register:
            return None
        return context.registers.get(self._numbers[self._registers.registers[register]])

    def _address(self, place: NativeVariable, context: WalkContext) -> int | None:
        """Return where on the stack a variable is; what is no register stands for the stack pointer."""
        is_frame = place.register == self._frame_register
        name = self._registers.registers[self._frame_register]
        base = context.registers.get(self._numbers[name]) if is_frame else context.sp
        return None if base is None else (base + place.offset) & ADDRESS_MASK

    def _value(self, variable: MethodVariable, data: bytes, place: NativeVariable, where: str) -> str:
        if place.location in _BY_REFERENCE:
            where = f"{int.from_bytes(data, 'little'):#x}"
            return self._struct(variable, b"", where) or f"structure at {where}"
        if isinstance(variable.signature, s.Variable):
            if variable.type_name in _ELEMENTS:
                return self._text(s.Primitive(_ELEMENTS[variable.type_name]), data, "")
            return self._struct(variable, data, where) or self._generic(variable.type_name, data)
        return self._struct(variable, data, where) or self._text(variable.signature, data, where)

    def _struct(self, variable: MethodVariable, data: bytes, where: str) -> str:
        """Return the text of a value of a value type; empty where it is not known, and of any other variable.

        ``where`` is its address, or the register that has ``data``.
        """
        match variable.signature:
            case s.Instantiation(s.Named(_, _, True), _) | s.Named(_, _, True) | s.Variable():
                known = size_of_known(variable.type_name)
                return self._known(variable.type_name, data, where) if known else self._loaded(variable, data, where)
        return ""

    def _known(self, type_name: str, data: bytes, where: str) -> str:
        size = size_of_known(type_name)
        if where.startswith("0x"):
            data = self._runtime.target.memory.read(int(where, 16), size)
        return text_of(known_value(type_name, data), limit=VALUE_LIMIT) if size <= len(data) else ""

    def _loaded(self, variable: MethodVariable, data: bytes, where: str) -> str:
        """Return a value of a value type that is loaded."""
        table = self._runtime.type_system.resolve(variable.signature, variable.owner) if variable.signature else 0
        kind = self._runtime.heap.type_at(table) if table and not is_type_desc(table) else None
        if kind is None or not kind.is_value_type:
            return ""
        if not where.startswith("0x"):
            return struct_text(kind, data, self._object) if kind.value_size <= len(data) else ""
        value = read_struct(self._runtime.heap, kind, int(where, 16))
        return "" if isinstance(value, Unreadable) else text_of(value, limit=VALUE_LIMIT)

    def _generic(self, type_name: str, data: bytes) -> str:
        """Return what a variable of a type that code is generic in says, as far as its first word does."""
        word = int.from_bytes(data, "little")
        if not word and type_name == _CANON:
            return "null"
        text = self._object(word) if word else ""
        return text if " " in text else f"first word {word:#x}"

    def _text(self, signature: s.TypeSignature | None, data: bytes, where: str) -> str:
        """Return what the first word of a variable says."""
        word = int.from_bytes(data, "little")
        match signature:
            case s.Modified(_, _, of) | s.Wrapped(_E.PINNED, of):
                return self._text(of, data, where)
            case s.Instantiation(s.Named(_, _, True), _) | s.Named(_, _, True) | s.Primitive(_E.TYPEDBYREF):
                return f"structure at {where}" if where.startswith("0x") else f"structure of {word:#x}"
            case s.Primitive(element) if element in FORMATS and element not in (_E.I, _E.U):
                value = primitive_value(element, data)
                return str(value).lower() if isinstance(value, bool) else repr(value)
            case s.Wrapped(_E.BYREF | _E.PTR, _) | s.FunctionPointer() | s.Primitive(_E.I | _E.U):
                return f"{word:#x}"
        return self._object(word)

    def _object(self, word: int) -> str:
        if not word:
            return "null"
        try:
            found = self._runtime.heap.object(word)
        except UNREADABLE:
            return f"{word:#x}"
        return f"{word:#x} {describe(found, limit=VALUE_LIMIT)}"
