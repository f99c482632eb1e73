"""``dotdump handles``: the handles of a runtime, which hold objects from outside the heap."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.registry import Exit
from dotdump.cli.target_arguments import add_target, open_target
from dotdump.cli.together import not_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.handles import HandleList
    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump handles core.4711                        every handle and the object that it holds
  dotdump handles core.4711 --by-type --limit 20   how many of each kind and type
  dotdump handles core.4711 --kind Pinned --kind AsyncPinned
  dotdump handles -p 4711 --type 'Timer' --format json"""

_KINDS = (
    "WeakShort",
    "WeakLong",
    "Strong",
    "Pinned",
    "RefCounted",
    "Dependent",
    "AsyncPinned",
    "SizedRef",
    "WeakInterior",
    "CrossReference",
)


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_listing(parser, "handles", ("table", "address", "kind", "name", "size", "count"), matched="object's type")
    parser.add_argument(
        "--kind", action="append", choices=_KINDS, default=[], help="only handles of this kind; may be repeated"
    )
    parser.add_argument("--by-type", action="store_true", help="add them up by kind and type, most first")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where tables of handles are damaged."""
    if arguments.sort == "count" and not arguments.by_type:
        console.error("--sort count is for --by-type: a handle is one", "see --help")
        return Exit.USAGE
    if arguments.sort == "address" and arguments.by_type:
        return not_together(console, "--sort address", ["--by-type"])
    from dotdump.analysis.handles import list_handles
    from dotdump.clr.model.runtime import ClrRuntime

    with open_target(arguments, console) as target:
        found = list_handles(ClrRuntime.of(target), frozenset(arguments.kind))
    status = tell_damage(found.problems, console)
    _print(found, arguments, console)
    return status


def _print(found: HandleList, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.handles import by_type
    from dotdump.report import handles as report

    choice = choice_of(arguments)
    if arguments.by_type:
        types = report.select_types(by_type(found), choice)
        text = partial(report.render_types, types)
        print_answer(console, "dotdump/handle-types/1", types, text, partial(report.types_csv, types))
    else:
        chosen = report.select(found, choice)
        text = partial(report.render_handles, chosen)
        print_answer(console, "dotdump/handles/1", chosen, text, partial(report.handles_csv, chosen))
