"""``Target``: a program that stands still, and what is in it.

A core, a stopped process and a snapshot all look like this, so a core can be written from any of them and every
analysis works on all of them. A target never changes while it is open: everything about it may be cached.
"""

from __future__ import annotations

from enum import StrEnum

from dotdump.formats.machine import Machine
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Protocol, Self

    from dotdump.memory.file import FileSpace
    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace
else:
    Protocol = object


class Architecture(StrEnum):
    """CPU architectures by the name ``uname -m`` gives them."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


_MACHINES = {Architecture.X86_64: Machine.X86_64, Architecture.AARCH64: Machine.AARCH64}


@record
class Platform:
    """What the target runs on. ``page_size`` in bytes."""

    architecture: Architecture
    pointer_size: int = 8
    page_size: int = 4096

    @property
    def machine(self) -> Machine:
        """Its CPU's number in ELF files, by which layouts of registers are known."""
        return _MACHINES[self.architecture]


@record
class Problem:
    """Something about a target that is damaged, cut away or contradictory; everything else of it is usable.

    ``kind`` is a short word to sort by (``cut``, ``notes``, ``segments``, ``modules`` …), ``message`` the sentence.
    """

    kind: str
    message: str


@record
class Thread:
    """One thread at the moment the target stood still.

    ``registers`` by the architecture's own names (``rip``, ``rsp`` … or ``pc``, ``sp``, ``x0`` …).
    ``notes`` holds register sets and signal information as the kernel lays them out, for a writer to pass on,
    keyed by ``(owner, type)`` as in ELF notes: ``("CORE", 1)`` is NT_PRSTATUS.
    """

    tid: int
    registers: Mapping[str, int]
    instruction_pointer: int
    stack_pointer: int
    name: str = ""
    signal: int = 0
    notes: Mapping[tuple[str, int], bytes] = {}


@record
class ProcessFacts:
    """What NT_PRPSINFO says of the process. ``arguments`` is the command line with blanks between, as ps shows it."""

    pid: int
    name: str
    arguments: str = ""
    ppid: int = 0
    pgrp: int = 0
    sid: int = 0
    uid: int = 0
    gid: int = 0
    state: str = "R"
    nice: int = 0
    flags: int = 0


class FilePlaces:
    """Where files of a target are looked for on this machine, beside their own paths; holds those that were opened.

    ``roots`` are directories that stand for the target's root; in ``symbols`` separate files of symbols lie.
    ``chroot`` is that root by the kernel's name, with which paths of files begin that are mapped from there.
    """

    __slots__ = ("_held", "chroot", "roots", "symbols")

    def __init__(self, roots: tuple[str, ...] = (), symbols: tuple[str, ...] = (), chroot: str = "/") -> None:
        self.roots = roots
        self.symbols = symbols
        self.chroot = chroot
        self._held: list[FileSpace] = []

    def hold(self, file: FileSpace) -> None:
        """Have ``file`` closed with the target."""
        self._held.append(file)

    def close(self) -> None:
        """Close the files that are held."""
        while self._held:
            self._held.pop().close()


class Module(Protocol):
    """A loaded ELF file. Symbols are looked up by name and by address; addresses are absolute."""

    @property
    def path(self) -> str:
        """Where the target says it was loaded from."""

    @property
    def base(self) -> int:
        """The address of its ELF header."""

    @property
    def end(self) -> int:
        """The address after its last mapped byte."""

    @property
    def data_end(self) -> int:
        """The address after its last variable: ``end``, or beyond where the header that tells is gone."""

    @property
    def build_id(self) -> bytes | None:
        """NT_GNU_BUILD_ID, where it can be read."""

    def find_symbol(self, name: str) -> int | None:
        """Return the address of a defined symbol, or None."""

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        """Return the symbol that covers ``address`` and the offset into it, or None."""


class Target(Protocol):
    """A program that stands still. Closing it releases files, or lets the process run on."""

    @property
    def process(self) -> ProcessFacts:
        """Who it is."""

    @property
    def platform(self) -> Platform:
        """What it runs on."""

    @property
    def memory(self) -> AddressSpace:
        """All of its memory that can be had."""

    @property
    def regions(self) -> Sequence[Region]:
        """Its mappings, sorted by start, disjoint."""

    @property
    def threads(self) -> Sequence[Thread]:
        """Its threads, the crashing or requested one first."""

    @property
    def modules(self) -> Sequence[Module]:
        """Its loaded ELF files, sorted by base."""

    @property
    def auxv(self) -> bytes:
        """The auxiliary vector as the kernel laid it out; empty where unknown."""

    @property
    def places(self) -> FilePlaces:
        """Where its files are looked for."""

    def close(self) -> None:
        """Release it. A second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
