"""``dotdump heap``: what fills the managed heap of a core or of a process."""

from __future__ import annotations

from functools import partial

from dotdump.cli.answer import print_answer, tell_heap_damage
from dotdump.cli.heap_arguments import add_generation, add_life
from dotdump.cli.listing_arguments import add_listing, choice_of
from dotdump.cli.target_arguments import add_index, add_target, index_of, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from dotdump.analysis.statistics import HeapStatistics
    from dotdump.cli.console import Console

EXAMPLES = """\
  dotdump heap core.4711                             types by size
  dotdump heap -p 4711 --limit 20 --sort count       the twenty with most objects, of a process that runs
  dotdump heap core.4711 --type '^Billing\\.'         types of one namespace
  dotdump heap core.4711 --generation gen2 --wide    what has survived, with a column for each generation
  dotdump heap core.4711 --dead                      garbage that was not collected yet
  dotdump heap core.4711 --by-module                 which assembly's types they are
  dotdump heap core.4711 --format csv > types.csv"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_index(parser)
    add_listing(parser, "types", ("size", "count", "name"), matched="name")
    add_generation(parser)
    add_life(parser)
    parser.add_argument("--by-module", action="store_true", help="add up the types of each module")
    parser.add_argument("--wide", action="store_true", help="show the bytes in each generation, too")


def run(arguments: Namespace, console: Console) -> int:
    """Print them; 3 where the heap could not be walked in full."""
    from dotdump.analysis.statistics import in_generations

    find = _of_live if arguments.live or arguments.dead else _statistics
    statistics = find(arguments, console)
    status = tell_heap_damage(statistics.problems, console, whole=statistics.walkable)
    shown = in_generations(statistics, arguments.generation) if arguments.generation else statistics
    _print(shown, arguments, console)
    return status


def _print(statistics: HeapStatistics, arguments: Namespace, console: Console) -> None:
    from dotdump.analysis.statistics import by_module
    from dotdump.report import heap as report

    choice, wide = choice_of(arguments), arguments.wide
    if arguments.by_module:
        modules = report.select_modules(by_module(statistics), choice)
        text = partial(report.render_modules, modules, wide=wide)
        print_answer(console, "dotdump/heap-modules/1", modules, text, partial(report.modules_csv, modules))
    else:
        types = report.select_types(statistics, choice)
        text = partial(report.render_types, types, wide=wide)
        print_answer(console, "dotdump/heap/1", types, text, partial(report.types_csv, types))


def _of_live(arguments: Namespace, console: Console) -> HeapStatistics:
    from dotdump.analysis.liveness import live_statistics
    from dotdump.cli.rooted import rooted_heap
    from dotdump.clr.model.runtime import ClrRuntime

    with open_target(arguments, console) as target, rooted_heap(ClrRuntime.of(target), arguments, console) as heap:
        return live_statistics(heap, live=arguments.live)


def _statistics(arguments: Namespace, console: Console) -> HeapStatistics:
    """Return what is saved beside the core; else count, and save that."""
    from dotdump.analysis.saved_statistics import load_statistics, save_statistics

    index = index_of(arguments)
    saved = load_statistics(index) if index is not None else None
    if saved is not None:
        return saved
    from dotdump.analysis.statistics import heap_statistics
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime

    with open_target(arguments, console) as target, ProgressLine(console) as progress:
        found = heap_statistics(ClrRuntime.of(target), progress)
    if index is not None and not getattr(target, "problems", ()):
        save_statistics(index, found)
    return found
