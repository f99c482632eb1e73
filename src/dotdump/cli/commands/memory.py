"""``dotdump memory``: bytes, words or strings of a core's memory, and which file they come from."""

from __future__ import annotations

from argparse import ArgumentTypeError

from dotdump.cli.core_arguments import add_core, open_named
from dotdump.cli.quantities import address
from dotdump.cli.registry import Exit
from dotdump.cli.together import not_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.cli.console import Console
    from dotdump.target.core import CoreTarget

EXAMPLES = """\
  dotdump memory core.4711 7f3a5c001000
  dotdump memory core.4711 0x7f3a5c001000 4096 --as strings
  dotdump memory core.4711 'libcoreclr.so!g_dacTable' 64 --as words"""

_MOST = 1 << 28


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_core(parser)
    parser.add_argument("address", metavar="ADDRESS", type=_place, help="hexadecimal, or MODULE!SYMBOL")
    parser.add_argument("count", metavar="COUNT", nargs="?", type=_count, default=256, help="bytes; default: 256")
    parser.add_argument(
        "--as",
        dest="shape",
        choices=["bytes", "words", "strings"],
        default="bytes",
        help="what to show as text; default: bytes",
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print it; 3 where part of it is not there, which stderr explains."""
    if console.format == "json" and arguments.shape != "bytes":
        return not_together(console, f"--as {arguments.shape}", ["--format json"])
    from dotdump.analysis.memory_content import read_memory
    from dotdump.report import hex_dump
    from dotdump.report.json_format import render_json

    with open_named(arguments, console) as target:
        start = _address(target, arguments.address, console)
        content = read_memory(target, start, arguments.count)
    shapes = {"bytes": hex_dump.render_bytes, "words": hex_dump.render_words, "strings": hex_dump.render_strings}
    if console.format == "json":
        console.result(render_json("dotdump/memory/1", content))
    else:
        console.result(shapes[arguments.shape](start, content.data))
        console.note(f"from {content.source} at offset {content.source_offset:#x}")
    if content.missing:
        console.warning(f"{len(content.data)} of {content.asked} bytes: {content.missing}")
    return Exit.PROBLEMS if content.missing else Exit.DONE


def _place(text: str) -> int | str:
    """Convert an address; leave the name of a symbol as it is."""
    if "!" in text:
        return text
    try:
        return address(text)
    except ArgumentTypeError as refusal:
        raise ArgumentTypeError(f"{refusal}, nor MODULE!SYMBOL") from None


def _address(target: CoreTarget, place: int | str, console: Console) -> int:
    from dotdump.errors import NotFound

    if isinstance(place, int):
        return place
    module_name, _, symbol = place.partition("!")
    named = [module for module in target.modules if module.name == module_name]
    found = [start for module in named if (start := module.find_symbol(symbol)) is not None]
    if not named:
        raise NotFound(f"no module {module_name!r}", hint="'dotdump modules' lists them: libcoreclr.so!g_dacTable")
    if not found:
        hint = "names are those of its table of symbols: names of C++ are mangled there"
        raise NotFound(f"no symbol {symbol!r} in {module_name}", hint=hint)
    if len(found) > 1:
        others = ", ".join(f"{other:#x}" for other in found[1:])
        console.note(f"{len(found)} modules {module_name} have {symbol}: this is the first, others are at {others}")
    return found[0]


def _count(text: str) -> int:
    try:
        count = int(text, 0)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of bytes") from None
    if not 0 < count <= _MOST:
        raise ArgumentTypeError(f"{count} is not between 1 and {_MOST}")
    return count
