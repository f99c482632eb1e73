"""``Handlers``: which funclets are filters, and which code dispatches exceptions.

Source of truth: ``EE_ILEXCEPTION_CLAUSE`` of vm/codeman.h, seen on 3.1 to 10: the number of clauses stands in front of
them; ``System.Runtime.EH`` of System.Private.CoreLib, which dispatches from 9 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.data.code import JitExceptionClause, RealCodeHeader
from dotdump.errors import LimitExceeded, MemoryFault
from dotdump.formats.ready_to_run import ExceptionClause, read_exception_clauses
from dotdump.limits import EXCEPTION_CLAUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.method_descs import MethodDescs
    from dotdump.clr.contracts.method_names import MethodNames
    from dotdump.clr.data_access import DataAccess

_DISPATCHER = "System.Runtime.EH"


class Handlers:
    """The exception handlers of one runtime's code."""

    def __init__(self, access: DataAccess, loader: Loader, methods: MethodDescs, names: MethodNames) -> None:
        self._access = access
        self._loader = loader
        self._methods = methods
        self._names = names
        self._clauses: dict[int, Sequence[ExceptionClause]] = {}
        self._dispatchers: dict[int, bool] = {}

    def is_filter(self, code: CodeBlock) -> bool:
        """Return whether a funclet decides whether a handler is to run; raises ``FormatError`` and ``MemoryFault``."""
        return any(clause.filter == code.function_start - code.start for clause in self.clauses_of(code))

    def clauses_of(self, code: CodeBlock) -> Sequence[ExceptionClause]:
        """Return the clauses of the method that ``code`` belongs to."""
        if code.start not in self._clauses:
            is_image = code.kind is CodeKind.READY_TO_RUN
            self._clauses[code.start] = self._in_image(code) if is_image else self._jitted(code.start)
        return self._clauses[code.start]

    def is_dispatcher(self, code: CodeBlock) -> bool:
        """Return whether ``code`` is of the managed part of the runtime that calls handlers."""
        if code.method_desc not in self._dispatchers:
            try:
                name = self._names.type_name_of(self._methods.read(code.method_desc))
            except MemoryFault:
                name = ""
            self._dispatchers[code.method_desc] = name == _DISPATCHER
        return self._dispatchers[code.method_desc]

    def _in_image(self, code: CodeBlock) -> Sequence[ExceptionClause]:
        image = self._loader.find_image(code.module)
        if image is None:
            raise MemoryFault(code.image_base, 1, "the image's header is not in the target")
        return read_exception_clauses(image, code.start - code.image_base)

    def _jitted(self, start: int) -> Sequence[ExceptionClause]:
        access = self._access
        info = RealCodeHeader(access, access.reader.pointer(start - access.reader.pointer_size)).exception_info
        if not info:
            return ()
        count = access.reader.pointer(info - access.reader.pointer_size)
        if count > EXCEPTION_CLAUSES:
            raise LimitExceeded(f"{count} clauses", source=f"exception information of the method at {start:#x}")
        first, size = info + access.offset("JitExceptionInfo", "Clauses"), access.size("JitExceptionClause")
        views = (JitExceptionClause(access, first + size * index) for index in range(count))
        return [ExceptionClause.of(v.flags, v.handler_start, v.handler_end, v.filter_offset) for v in views]
