"""``ReadyToRunCode``: the method at an address of an image that was compiled ahead of time.

An image has a sorted table of functions; the runtime has, of each method that was prepared, its entry point in a hash
table. Funclets follow their method and have no entry of their own. Cold parts, where there are any, stand behind all
hot ones and are matched by a map. Source of truth: ``ReadyToRunJitManager`` of codeman.cpp, hash.cpp for the table.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.code_block import CodeBlock, CodeKind
from dotdump.clr.contracts.pointer_hash_map import find_in_hash_map
from dotdump.clr.data.code import CodeModule, ImageDataDirectory, ReadyToRunHeader, ReadyToRunInfo
from dotdump.errors import FormatError, LimitExceeded
from dotdump.records import replace

if TYPE_CHECKING:
    from dotdump.clr.contracts.code_ranges import CodeRange
    from dotdump.clr.contracts.runtime_functions import RuntimeFunction, RuntimeFunctions
    from dotdump.clr.data_access import DataAccess

_METHOD_CALL_THUNK = "method call thunk"
_OTHER_THUNK = "ready-to-run thunk"


class ReadyToRunCode:
    """The functions of the image that ``section`` is."""

    def __init__(self, access: DataAccess, functions: RuntimeFunctions, section: CodeRange) -> None:
        self._access = access
        self._functions = functions
        self._module = section.module
        self._base = section.begin
        self._info = ReadyToRunInfo(access, CodeModule(access, section.module).ready_to_run)
        self._table, self._count = self._info.functions, self._info.function_count
        if self._count > limits.RUNTIME_FUNCTIONS:
            raise LimitExceeded(f"{self._count} functions", source=f"ready-to-run image at {self._base:#x}")

    def find(self, address: int) -> CodeBlock:
        """Return the code at ``address``: a method's, or a thunk's."""
        rva = address - self._base
        index = self._functions.find(self._table, self._count, rva)
        function = self._function(index) if index is not None else None
        if index is None or function is None or not function.begin <= rva < function.end or self._is_thunk(rva):
            kind = _METHOD_CALL_THUNK if self._is_thunk(rva) else _OTHER_THUNK
            return CodeBlock(CodeKind.STUB, address, address, 0, stub=kind, module=self._module)
        hot, cold = self._hot_part(index)
        main, method_desc = self._method(hot)
        root = self._function(main)
        block = CodeBlock(
            CodeKind.READY_TO_RUN,
            address,
            self._base + root.begin,
            rva - root.begin,
            method_desc,
            self._base,
            self._base + function.begin,
            self._base + function.end,
            is_funclet=self._functions.owner(self._table, index, self._base) != main,
            unwind_info=self._base + function.unwind_data,
            gc_info=self._gc_info(root),
            module=self._module,
            ready_to_run_version=self._version,
            debug_info=main,
        )
        return block if cold is None else self._in_cold_part(block, root, cold, is_first=cold == index and main == hot)

    def _in_cold_part(self, block: CodeBlock, root: RuntimeFunction, first: int, *, is_first: bool) -> CodeBlock:
        """Return ``block`` as one of a method's cold part, the functions from index ``first`` on."""
        behind = block.address - self._base - self._function(first).begin
        return replace(block, relative_offset=root.end - root.begin + behind, is_funclet=not is_first, is_cold=True)

    def _gc_info(self, root: RuntimeFunction) -> int:
        unwind = self._base + root.unwind_data
        return unwind + self._functions.unwind_size(unwind)

    def _function(self, index: int) -> RuntimeFunction:
        return self._functions.read(self._table + self._functions.size * index, self._base)

    def _method(self, index: int) -> tuple[int, int]:
        """Return index and MethodDesc of the method whose function ``index`` is: itself, or one shortly before."""
        entry_points, effort = self._entry_points, self._functions.effort
        for candidate in range(index, max(-1, index - limits.FUNCLETS), -1):
            begin = int(self._access.reader.u32(self._table + self._functions.size * candidate))
            method_desc = find_in_hash_map(self._access, entry_points, self._base + begin, effort)
            if method_desc:
                return candidate, method_desc
        raise FormatError(f"function {index} is of no method", source=f"ready-to-run image at {self._base:#x}")

    def _hot_part(self, index: int) -> tuple[int, int | None]:
        """Return the index of the hot function that a cold one belongs to, and where its method's cold part begins."""
        cold = self._cold
        if not cold or index < cold[0][0]:
            return index, None
        first, hot = next(pair for pair in reversed(cold) if pair[0] <= index)
        return hot, first

    @cached_property
    def _cold(self) -> list[tuple[int, int]]:
        """Pairs of the first cold function of a method and its hot one, sorted."""
        if not self._access.has("ReadyToRunInfo", "HotColdMap"):
            return []
        count = self._info.hot_cold_count
        if count > 2 * self._count:
            raise LimitExceeded(f"{count} entries of cold code", source=f"ready-to-run image at {self._base:#x}")
        if not count:
            return []
        data = memoryview(self._access.reader.memory.read(self._info.hot_cold_map, 4 * count)).cast("I")
        return list(zip(data[::2], data[1::2], strict=False))

    @cached_property
    def _version(self) -> tuple[int, int]:
        header = ReadyToRunHeader(self._access, self._info.header)
        return header.major, header.minor

    @cached_property
    def _thunks(self) -> range:
        if not self._access.has("ReadyToRunInfo", "DelayLoadMethodCallThunks") or not self._info.thunks:
            return range(0)
        place = ImageDataDirectory(self._access, self._info.thunks)
        return range(place.rva, place.rva + place.size)

    def _is_thunk(self, rva: int) -> bool:
        return rva in self._thunks

    @cached_property
    def _entry_points(self) -> int:
        """Where the hash table from entry points to MethodDescs is; a composite image has one for all its modules."""
        has_composite = self._access.has("ReadyToRunInfo", "CompositeInfo")
        info = (self._info.composite if has_composite else 0) or self._info.address
        return info + self._access.offset("ReadyToRunInfo", "EntryPointToMethodDescMap")
