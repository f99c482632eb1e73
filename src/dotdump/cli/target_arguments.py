"""The arguments of every command that reads a managed heap: of a core, or of a process that runs.

A process is read as a copy-on-write twin: it stands still for as long as a fork takes, and no collection is forced.
"""

from __future__ import annotations

from contextlib import contextmanager

from dotdump.cli.arguments import add_format
from dotdump.cli.core_arguments import CORE_FILE, PROCESS, add_symbols, add_sysroot, open_named
from dotdump.cli.selection import process_id
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from dotdump.cli.console import Console
    from dotdump.clr.graph.index_folder import IndexFolder
    from dotdump.target.model import Target

_WITHOUT_TWIN = "dotdump collect can dump it while it stands still; then ask the dump"


def add_target(parser: ArgumentParser, *formats: str) -> None:
    """Add CORE or ``-p PID``, where to find files, and ``--format`` with more ``formats`` than text and json."""
    add_source(parser)
    add_format(parser, *formats)


def add_source(parser: ArgumentParser) -> None:
    """Add CORE or ``-p PID`` and where to find files."""
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("core", metavar="CORE", nargs="?", help=CORE_FILE)
    choice.add_argument("-p", "--process-id", type=process_id, metavar="PID", help=PROCESS)
    add_sysroot(parser)
    add_symbols(parser)


def add_index(parser: ArgumentParser) -> None:
    """Add ``--no-index``."""
    parser.add_argument(
        "--no-index", action="store_true", help="neither use nor save what makes the next answer about a core quick"
    )


@contextmanager
def open_target(arguments: Namespace, console: Console) -> Iterator[Target]:
    """Open the core or a twin of the process that the command line names; what is wrong with it is said on stderr."""
    if arguments.process_id is None:
        with open_named(arguments, console) as core:
            yield core
        return
    if arguments.sysroot and not getattr(arguments, "use_dac", False):
        console.warning("--sysroot is for cores: the files of a process that runs are those that it sees itself")
    from dotdump.dump.gc_moment import DEFAULT_WAIT, GcMoment
    from dotdump.errors import SnapshotRefused
    from dotdump.linux.first_to_die import first_to_die
    from dotdump.target.snapshot import open_snapshot

    with first_to_die():
        try:
            with GcMoment(arguments.process_id, DEFAULT_WAIT) as gc:
                twin = open_snapshot(arguments.process_id, moment=gc.moment, symbols=getattr(arguments, "symbols", ()))
        except SnapshotRefused as refusal:
            raise SnapshotRefused(refusal.message, hint=_WITHOUT_TWIN) from refusal
        with twin:
            paused = f"stood still for {1000 * twin.pause:.0f} ms and runs on"
            console.note(f"dotdump: process {arguments.process_id} {paused}")
            said = _warn(twin.problems, console)
            yield twin
    _warn(twin.problems[said:], console)


def _warn(problems: Sequence[str], console: Console) -> int:
    """Say what went wrong, and return how much that was."""
    for text in problems:
        console.warning(text)
    return len(problems)


def index_of(arguments: Namespace, target: Target | None = None) -> IndexFolder | None:
    """Return where indexes of the core lie; None where none is wanted, and for a process, which does not stay.

    What damaged frames of a compressed core, which is ``target``, had is in no index.
    """
    if arguments.no_index or arguments.process_id is not None:
        return None
    from dotdump.clr.graph.index_folder import index_folder

    folder = index_folder(arguments.core, [*arguments.sysroot, *getattr(arguments, "symbols", ())])
    return folder if target is None else replace(folder, lacking=lambda: _lacks_frames(target))


def _lacks_frames(target: Target) -> bool:
    from dotdump.target.core import COMPRESSION

    return any(problem.kind == COMPRESSION for problem in getattr(target, "problems", ()))
