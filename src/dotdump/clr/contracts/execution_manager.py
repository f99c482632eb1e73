"""``CodeManager``: what code an instruction pointer is in.

Finds the method; does not unwind, decode or name. Source of truth: docs/design/datacontracts/ExecutionManager.md,
versions 1 and 2; codeman.cpp of 3.1, 8, 9 and 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.clr.contracts.code_block import CodeBlock, CodeKind
from dotdump.clr.contracts.code_ranges import CodeRanges, RangeSectionFlags
from dotdump.clr.contracts.nibble_map import find_method_start
from dotdump.clr.contracts.ready_to_run import ReadyToRunCode
from dotdump.clr.contracts.runtime_functions import RuntimeFunctions
from dotdump.clr.contracts.stub_kinds import stub_kind_name
from dotdump.clr.data.code import CodeHeapListNode, RealCodeHeader
from dotdump.errors import LimitExceeded
from dotdump.records import replace
from dotdump.unwind.effort import Effort

if TYPE_CHECKING:
    from dotdump.clr.contracts.code_ranges import CodeRange
    from dotdump.clr.data_access import DataAccess

_STUB_CODE_BLOCK_LAST = 0xF
_CONTRACT = "ExecutionManager"
_NOT_YET = CodeBlock(CodeKind.STUB, 0, 0, 0)


class CodeManager:
    """Finds the code of one runtime; what was found once is kept. Where ``effort`` is spent, no more is found."""

    def __init__(self, access: DataAccess) -> None:
        self._access = access
        self.ranges = CodeRanges(access)
        self.effort = Effort()
        self._functions = RuntimeFunctions(access, self.effort)
        self._images: dict[int, ReadyToRunCode] = {}
        self._found: dict[int, CodeBlock | None] = {}
        self._nibble_version = 1 if access.descriptor.contracts.get(_CONTRACT, "1").lstrip("c") in ("", "1") else 2

    def find(self, address: int) -> CodeBlock | None:
        """Return the code that ``address`` is in, or None where there is no managed code and no stub.

        For the caller of a frame ask for its return address less 1. Raises ``MemoryFault`` or ``FormatError`` where
        the runtime's records are damaged or not there, ``UnsupportedRuntime`` where no layout describes them.
        """
        found = self._found.get(address, _NOT_YET)
        if found is _NOT_YET:
            if len(self._found) >= limits.CODE_BLOCKS_KEPT:
                self._found.clear()
            found = self._found[address] = self._find(address)
        return found

    def _find(self, address: int) -> CodeBlock | None:
        section = self.ranges.find(address)
        if section is None:
            return None
        if section.module:
            return self._image(section).find(address)
        if section.heap_list:
            return self._jitted(section, address)
        kind = stub_kind_name(self._access, section.range_list)
        return CodeBlock(CodeKind.STUB, address, address, 0, stub=kind)

    def _image(self, section: CodeRange) -> ReadyToRunCode:
        if section.begin not in self._images:
            self._images[section.begin] = ReadyToRunCode(self._access, self._functions, section)
        return self._images[section.begin]

    def _jitted(self, section: CodeRange, address: int) -> CodeBlock | None:
        heap = CodeHeapListNode(self._access, section.heap_list)
        start = find_method_start(
            self._access.reader, heap.map_base, heap.header_map, address, version=self._nibble_version
        )
        if start is None:
            return None
        header = self._access.reader.pointer(start - 8)
        if header <= _STUB_CODE_BLOCK_LAST:
            kind = stub_kind_name(self._access, number=header)
            return CodeBlock(CodeKind.STUB, address, start, address - start, stub=kind)
        code = RealCodeHeader(self._access, header)
        block = self._method_block(section, address, start, code)
        return block if block.kind is CodeKind.INTERPRETER else self._with_function(block, code)

    def _method_block(self, section: CodeRange, address: int, start: int, header: RealCodeHeader) -> CodeBlock:
        is_interpreted = bool(section.flags & RangeSectionFlags.INTERPRETER)
        return CodeBlock(
            CodeKind.INTERPRETER if is_interpreted else CodeKind.JIT,
            address,
            start,
            address - start,
            header.method_desc,
            section.begin,
            gc_info=header.gc_info or None,
            debug_info=header.debug_info,
        )

    def _with_function(self, block: CodeBlock, header: RealCodeHeader) -> CodeBlock:
        """Return ``block`` with the one of the method's functions that it is in, if it is in one."""
        count, base = header.unwind_count, block.image_base
        if count > limits.FUNCLETS:
            raise LimitExceeded(f"{count} functions of one method", source=f"code header at {header.address:#x}")
        table = header.address_of("UnwindInfos")
        for index in range(count):
            function = self._functions.read(table + self._functions.size * index, base)
            if function.begin <= block.address - base < function.end:
                return replace(
                    block,
                    function_start=base + function.begin,
                    function_end=base + function.end,
                    is_funclet=self._functions.owner(table, index, base) > 0,
                    unwind_info=base + function.unwind_data,
                )
        return block
