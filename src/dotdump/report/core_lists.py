"""The threads and the loaded files of a core, as records for JSON and as tables for people."""

from __future__ import annotations

from dataclasses import dataclass

from dotdump.report.table import render_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.target.core import CoreTarget


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One thread. ``function`` is ``module!symbol+offset``, as much of it as is known."""

    tid: int
    name: str
    signal: int
    instruction_pointer: str
    stack_pointer: str
    function: str
    registers: dict[str, str]


@dataclass(frozen=True, slots=True)
class ThreadList:
    """The answer of ``dotdump threads``: the thread that died first, if one did."""

    core: str
    threads: tuple[ThreadRow, ...]


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """One loaded file. ``file`` is where a file with its build-id was found on this machine."""

    base: str
    end: str
    path: str
    build_id: str
    version: str
    file: str


@dataclass(frozen=True, slots=True)
class ModuleList:
    """The answer of ``dotdump modules``, by address."""

    core: str
    modules: tuple[ModuleRow, ...]


def thread_list(target: CoreTarget) -> ThreadList:
    """Return the threads of a core."""
    rows = (
        ThreadRow(
            tid=thread.tid,
            name=thread.name or (target.process.name if thread.tid == target.process.pid else ""),
            signal=thread.signal,
            instruction_pointer=f"{thread.instruction_pointer:#x}",
            stack_pointer=f"{thread.stack_pointer:#x}",
            function=function_at(target, thread.instruction_pointer),
            registers={name: f"{value:#x}" for name, value in thread.registers.items()},
        )
        for thread in target.threads
    )
    return ThreadList(target.file.name, tuple(rows))


def function_at(target: CoreTarget, address: int) -> str:
    """Return ``module!symbol+0x1c`` for a code address, ``module+0x1234`` without a symbol, or nothing."""
    module = target.module_at(address)
    if module is None:
        return ""
    symbol = module.symbol_at(address)
    if symbol is None:
        return f"{module.name}+{address - module.base:#x}"
    name, offset = symbol
    return f"{module.name}!{name}" + (f"+{offset:#x}" if offset else "")


def module_list(target: CoreTarget) -> ModuleList:
    """Return the loaded files of a core."""
    rows = (
        ModuleRow(
            base=f"{module.base:#x}",
            end=f"{module.end:#x}",
            path=module.path,
            build_id=(module.build_id or b"").hex(),
            version=module.version,
            file=module.file.path if module.file else "",
        )
        for module in target.modules
    )
    return ModuleList(target.file.name, tuple(rows))


def render_threads(threads: ThreadList, *, registers: bool = False, width: int | None = None) -> str:
    """Return a table of the threads, and with ``registers`` a block of them for each."""
    header = ("TID", "SIGNAL", "IP", "SP", "NAME", "FUNCTION")
    rows = [
        (t.tid, t.signal or "", t.instruction_pointer, t.stack_pointer, t.name, t.function) for t in threads.threads
    ]
    table = render_table(header, rows, right=frozenset((0,)), width=width)
    if not registers:
        return table
    return "\n\n".join([table, *(_register_block(thread) for thread in threads.threads)])


def _register_block(thread: ThreadRow) -> str:
    pairs = [f"{name:>8} {value:<18}" for name, value in thread.registers.items()]
    lines = ("  ".join(pairs[at : at + 4]).rstrip() for at in range(0, len(pairs), 4))
    return "\n".join([f"thread {thread.tid}", *lines])


def render_modules(modules: ModuleList, *, width: int | None = None) -> str:
    """Return a table of the loaded files."""
    header = ("BASE", "END", "VERSION", "BUILD-ID", "FILE HERE", "PATH")
    rows = [(m.base, m.end, m.version, m.build_id[:16], "yes" if m.file else "no", m.path) for m in modules.modules]
    return render_table(header, rows, width=width)
