"""``CodeBlock``: all that is known of the code at an instruction pointer without decoding anything of it."""

from __future__ import annotations

from enum import StrEnum

from dotdump.records import record


class CodeKind(StrEnum):
    """Where code comes from."""

    JIT = "jit"
    READY_TO_RUN = "r2r"
    STUB = "stub"
    INTERPRETER = "interpreter"


@record
class CodeBlock:
    """The code that ``address`` is in; everything is an absolute address unless it says otherwise.

    ``start`` is where the method's code begins (its hot part), ``relative_offset`` counts from there, a cold part going
    on where the hot one ends. ``function_start`` to ``function_end`` is the RUNTIME_FUNCTION: the main body, a funclet
    or a fragment. ``unwind_info`` is its UNWIND_INFO (x86-64) or xdata (arm64), 0 where none is known, and
    ``image_base`` what the RVAs of both count from. ``gc_info`` is the method's, one for all its functions.
    Of a stub only ``kind``, ``stub`` (its kind by name), ``start`` and ``relative_offset`` are known.
    """

    kind: CodeKind
    address: int
    start: int
    relative_offset: int
    method_desc: int = 0
    image_base: int = 0
    function_start: int = 0
    function_end: int = 0
    is_funclet: bool = False
    is_cold: bool = False
    unwind_info: int = 0
    gc_info: int | None = None
    stub: str = ""
    module: int = 0
    """The Module of a ready-to-run image; 0 of jitted code."""
    ready_to_run_version: tuple[int, int] | None = None
    """Major and minor version of the ready-to-run image, which tell the version of its GC info; None of jitted code."""
    debug_info: int = 0
    """Of jitted code where its debug info is, 0 for none; of ready-to-run code the index of its RUNTIME_FUNCTION."""
