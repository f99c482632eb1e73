"""``dotdump objects``: objects of a heap by type, size, generation, place and the values of their fields."""

from __future__ import annotations

import argparse
from itertools import islice

from dotdump.cli.answer import tell_damage, tell_moving
from dotdump.cli.heap_arguments import add_generation, add_life
from dotdump.cli.listing_arguments import add_listing
from dotdump.cli.quantities import address_range, byte_count
from dotdump.cli.target_arguments import add_index, add_target, index_of, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from dotdump.analysis.objects import ObjectQuery, ObjectRow
    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.analysis.where import Where
    from dotdump.cli.console import Console
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.runtime import ClrRuntime

EXAMPLES = """\
  dotdump objects core.4711 --type '^Billing\\.Invoice$'               all of one type, by address
  dotdump objects core.4711 --type Invoice --where 'Id>5 and Customer.Name~"^A"'
  dotdump objects core.4711 --type Invoice --fields Id,Total.Amount   with values of fields
  dotdump objects core.4711 --min-size 1M --sort size --limit 20      the twenty largest
  dotdump objects core.4711 --type Invoice --sort retained --limit 20 --live
  dotdump objects core.4711 --generation gen2 --where '@length>1000'
  dotdump objects -p 4711 --type 'Exception$' --format json           of a process that runs"""


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_target(parser, "csv")
    add_index(parser)
    add_listing(parser, "objects", ("address", "size", "retained"))
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        type=_condition,
        help="""only objects that meet it: fields, properties and paths of them, @size, @address, @type, @length,
        @generation; = != < <= > >= ~ !~ and or not""",
    )
    parser.add_argument("--fields", metavar="PATH,…", type=_paths, default=(), help="show the values of these fields")
    parser.add_argument(
        "--min-size",
        metavar="BYTES",
        type=byte_count,
        default=0,
        help="only objects of at least so many: 12, 4K, 1M or 2G",
    )
    parser.add_argument("--max-size", metavar="BYTES", type=byte_count, help="only objects of at most so many")
    add_generation(parser)
    add_life(parser)
    parser.add_argument(
        "--range",
        metavar="START-END",
        type=address_range,
        help="only objects in this range of addresses, END not included",
    )


def run(arguments: Namespace, console: Console) -> int:
    """Print them as they are found; 3 where the heap could not be walked in full."""
    from dotdump.analysis.objects import find_objects
    from dotdump.cli.progress import ProgressLine
    from dotdump.clr.model.runtime import ClrRuntime

    with open_target(arguments, console) as target:
        runtime = ClrRuntime.of(target)
        if not runtime.heap.can_walk:
            tell_moving(console)
        with ProgressLine(console) as progress:
            rooted = _rooted(runtime, arguments, progress)
            shown = None if console.stdout.isatty() else progress  # rows themselves tell how far it is
            rows = find_objects(runtime, _query(arguments), shown, rooted)
            damaged = runtime.heap if rooted is None else rooted
            totals = _print(_chosen(rows, arguments), _problems(damaged), arguments, console)
        if arguments.where is not None and totals == 0 and arguments.where.never_met:
            console.warning(_not_met(runtime, arguments.where.never_met))
        return tell_damage(damaged.problems, console, walkable=runtime.heap.can_walk)


def _not_met(runtime: ClrRuntime, fields: Iterable[str]) -> str:
    """Return why a condition on these fields was met by no object."""
    from dotdump.clr.contracts.native_aot_types import NO_FIELDS
    from dotdump.clr.runtime_module import RuntimeKind

    if runtime.kind is RuntimeKind.NATIVE_AOT:
        return f"no condition on {', '.join(fields)} can be met: {NO_FIELDS}"
    return f"no object looked at has a field {', '.join(fields)}"


def _rooted(runtime: ClrRuntime, arguments: Namespace, progress: Progress) -> RootedHeap | None:
    """Return the graph of the heap where the question needs it."""
    if not (arguments.live or arguments.dead or arguments.sort == "retained"):
        return None
    from dotdump.analysis.rooted_heap import RootedHeap

    return RootedHeap.of(runtime, index_of(arguments, runtime.target), progress)


def _query(arguments: Namespace) -> ObjectQuery:
    from dotdump.analysis.objects import ObjectQuery
    from dotdump.memory.space import ADDRESS_END

    start, end = arguments.range or (0, ADDRESS_END)
    return ObjectQuery(
        arguments.type,
        arguments.min_size,
        arguments.max_size,
        frozenset(arguments.generation),
        start,
        end,
        arguments.where,
        arguments.fields,
        True if arguments.live else False if arguments.dead else None,
    )


def _chosen(rows: Iterator[ObjectRow], arguments: Namespace) -> Iterator[ObjectRow]:
    """Return those rows that are to be shown; only an order by size waits for the last one."""
    first = arguments.offset
    last = None if arguments.limit is None else first + arguments.limit
    if arguments.sort != "address":
        from heapq import nlargest

        def size(row: ObjectRow) -> int:
            return row.size if arguments.sort == "size" else row.retained or 0

        rows = iter(sorted(rows, key=size, reverse=True) if last is None else nlargest(last, rows, key=size))
    return islice(rows, first, last)


def _print(rows: Iterator[ObjectRow], problems: Iterator[object], arguments: Namespace, console: Console) -> int:
    """Print the rows and return how many there were."""
    from dotdump.report.counting import counted
    from dotdump.report.objects import Totals, csv_lines, json_lines, text_lines

    totals = Totals()
    passing = totals.of(rows)
    if console.format == "json":
        lines = json_lines(passing, totals, problems)
    elif console.format == "csv":
        lines = csv_lines(passing, arguments.fields)
    else:
        lines = text_lines(passing, arguments.fields, console.width)
    for line in lines:
        console.result(line)
    if console.format == "text":
        console.result(f"\n{counted(totals.objects, 'object')}, {totals.bytes:,} bytes")
    return totals.objects


def _problems(damaged: ClrHeap | RootedHeap) -> Iterator[object]:
    """Yield the problems that are known when they are asked for."""
    yield from damaged.problems


def _condition(text: str) -> Where:
    from dotdump.analysis.where import Where
    from dotdump.errors import ConditionError

    try:
        return Where(text)
    except ConditionError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def _paths(text: str) -> tuple[str, ...]:
    return tuple(path.strip() for path in text.split(",") if path.strip())
