"""``write_core``: a ``Target`` to a core file, the short way. For progress, plans and pipes see ``ElfCoreWriter``."""

from __future__ import annotations

import os
from contextlib import contextmanager

from dotdump.dump.compression import level_for
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.plan import FilePages, full
from dotdump.dump.sink import sink_for
from dotdump.dump.space import TAKES_NO_MORE
from dotdump.errors import OutputRefused
from dotdump.formats.dotdump_notes import Origin
from dotdump.linux.devices import devices_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from dotdump.dump.elf_core_writer import Progress, WrittenCore
    from dotdump.dump.segments import DumpPlan
    from dotdump.dump.sink import Sink
    from dotdump.target.model import Target


def write_core(
    target: Target,
    output: str | os.PathLike[str] | BinaryIO,
    *,
    plan: DumpPlan | None = None,
    compress: int | None = None,
    progress: Progress | None = None,
) -> WrittenCore:
    """Write a core of ``target`` to a path that does not exist yet, or to an open binary file.

    ``plan`` is a full core of what the target's memory holds unless given. ``compress`` is a level of zstd, or None
    for plain; a path that ends with ``.zst`` is compressed in any case. Under its final name a file is complete:
    until then it has the name with ``.partial``, or none. Raises ``OutputRefused``, and ``OSError`` of the writing.
    """
    if plan is None:
        plan = _everything(target)
    writer = ElfCoreWriter(target, plan, origin_of(target), progress=progress)
    if not isinstance(output, str | os.PathLike):
        output.flush()
        return writer.write(sink_over(output.fileno(), compress))
    name = os.fspath(output)
    with published(name) as descriptor:
        return writer.write(sink_over(descriptor, level_for(name, compress)))


def _everything(target: Target) -> DumpPlan:
    from dotdump.target.core import CoreTarget

    devices, places = frozenset[int](), target.places
    if not isinstance(target, CoreTarget):
        devices = devices_of(target.regions, places.roots, places.chroot)
    available, page_size = target.memory.ranges(), target.platform.page_size
    return full(target.regions, files=FilePages(devices=devices), available=available, page_size=page_size)


def origin_of(target: Target, method: str = "written from a target") -> Origin:
    """Return what is to be said of a core that is written now; a core that we wrote keeps its own."""
    import time

    from dotdump import __version__

    kept = getattr(target, "origin", None)
    if isinstance(kept, Origin):
        return kept
    return Origin(f"dotdump {__version__}", method, time.time(), arguments=target.process.arguments)


def sink_over(descriptor: int, level: int | None) -> Sink:
    """Return the sink that suits a descriptor: plain, or compressing at ``level``."""
    if level is None:
        return sink_for(descriptor)
    from dotdump.dump.zstd_sink import ZstdSink

    return ZstdSink(sink_for(descriptor), level)


@contextmanager
def published(name: str, *, replace: bool = False) -> Iterator[int]:
    """Open a new file, give its descriptor to the block, and name it ``name`` when the block ends without an error."""
    from dotdump.dump.output import open_output
    from dotdump.dump.place import Place

    directory, base = os.path.split(name)
    if not base:
        raise OutputRefused(f"cannot write to {name!r}: that is no name of a file")
    with open_output(Place(directory or ".", base, replace=replace)) as file:
        with room_for(name):
            yield file.descriptor
        file.publish()


@contextmanager
def room_for(output: str) -> Iterator[None]:
    """Raise ``OutputRefused``, which names ``output``, where the block finds no room for what it writes."""
    try:
        yield
    except OSError as error:
        hint = TAKES_NO_MORE.get(error.errno or 0)
        if hint is None:
            raise
        raise OutputRefused(f"cannot write all of {output}: {error.strerror}", hint=hint) from error
