"""A ``Target`` made of values, for tests of what takes a target: nothing is parsed, nothing is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from dotdump.memory.space import BytesSpace
from dotdump.target.model import Architecture, FilePlaces, Platform, ProcessFacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace
    from dotdump.target.model import Module, Thread


PROCESS = ProcessFacts(pid=4711, name="fake")
PLATFORM = Platform(Architecture.X86_64)
NOWHERE = FilePlaces()


@dataclass
class FakeTarget:
    memory: AddressSpace = field(default_factory=lambda: BytesSpace([]))
    regions: Sequence[Region] = ()
    threads: Sequence[Thread] = ()
    process: ProcessFacts = PROCESS
    platform: Platform = PLATFORM
    modules: Sequence[Module] = ()
    auxv: bytes = b""
    places: FilePlaces = NOWHERE

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class ListSink:
    """A sink that keeps what it is given, holes as zeros."""

    lag = 0

    def __init__(self) -> None:
        self.data = bytearray()
        self.holes: list[tuple[int, int]] = []
        self.finished = False

    def write(self, data: bytes | memoryview) -> None:
        self.data += data

    def hole(self, size: int) -> None:
        self.holes.append((len(self.data), size))
        self.data += bytes(size)

    def give_up(self) -> None:
        pass

    def finish(self) -> int:
        self.finished = True
        return len(self.data) - sum(size for _, size in self.holes)
