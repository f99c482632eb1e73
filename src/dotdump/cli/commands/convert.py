"""``dotdump convert``: a core compressed, unpacked, or cut down to a part of its memory."""

from __future__ import annotations

import os
import sys

from dotdump.cli.arguments import add_compression, add_drops, add_format, drops_free, dump_type
from dotdump.cli.core_arguments import tell_warnings
from dotdump.cli.progress import ProgressLine
from dotdump.cli.quantities import address_range
from dotdump.cli.registry import Exit
from dotdump.dump.compression import level_for
from dotdump.dump.convert import Conversion, Trim, check_converted, convert
from dotdump.dump.progress import Phase
from dotdump.dump.write import published, room_for
from dotdump.errors import OutputRefused
from dotdump.ipc.dump import DumpType
from dotdump.memory.space import MemoryRange
from dotdump.records import as_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from dotdump.cli.console import Console

SCHEMA = "dotdump/convert/1"
STDOUT = "-"
EXAMPLES = """\
  dotdump convert core.4711 core.4711.zst                       compress; every reader of dotdump reads it in place
  dotdump convert core.4711.zst core.4711                       unpack, with holes where there are zeros
  dotdump convert core.4711 small.zst --drop-file-backed        leave out what is in files on the disk anyway
  dotdump convert core.4711 core.mini --type mini               what dumps of this type have: stacks, threads, modules
  dotdump convert core.4711 part --range 0x7f00000000-0x7f00200000   only this memory, but the whole map
  dotdump convert core.4711 - --compress | ssh host 'cat > c.zst'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("input", metavar="IN", help="a core, plain or zstd")
    parser.add_argument("output", metavar="OUT", help="a new file, compressed where it ends with .zst; - for stdout")
    add_compression(parser)
    parser.add_argument(
        "--range",
        type=address_range,
        action="append",
        default=[],
        metavar="START-END",
        help="keep only memory in this range of addresses, END not included; may be repeated",
    )
    parser.add_argument(
        "--type",
        type=dump_type,
        default=DumpType.FULL,
        metavar="Heap|Mini|Triage",
        help="keep what dumps of this type have, chosen by walking the core; default: all there is",
    )
    add_drops(parser)
    parser.add_argument("--force", action="store_true", help="replace an existing regular file, once it is whole")
    add_format(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Convert, and print what came of it."""
    tell_warnings(console)
    trim = Trim(
        tuple(MemoryRange(start, end) for start, end in arguments.range),
        file_backed=not arguments.drop_file_backed,
        type=arguments.type,
        drop_free=drops_free(arguments),
    )
    level = level_for(arguments.output, arguments.compress)
    if arguments.output == STDOUT:
        descriptor = sys.stdout.fileno()
        if os.isatty(descriptor):
            raise OutputRefused("cannot write a core to a terminal", hint="redirect standard output, or name a file")
        with room_for("standard output"), ProgressLine(console) as progress:
            conversion = convert(arguments.input, descriptor, level, trim, progress)
    else:
        with published(arguments.output, replace=arguments.force) as descriptor, ProgressLine(console) as progress:
            conversion = convert(arguments.input, descriptor, level, trim, progress)
            progress(Phase.VERIFY, conversion.content, conversion.content)
            check_converted(descriptor, conversion)
        _report(arguments.output, conversion, console)
    for problem in conversion.problems:
        console.warning(problem)
    return Exit.PROBLEMS if conversion.problems else Exit.DONE


def _report(output: str, conversion: Conversion, console: Console) -> None:
    if console.format == "json":
        from dotdump.report.json_format import render_json

        console.result(render_json(SCHEMA, {"path": output, **as_dict(conversion)}))
    else:
        stored = f"{conversion.stored:,} bytes stored of {conversion.content:,}"
        console.result(f"{output}: {stored}")
