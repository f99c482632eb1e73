"""How a command prints its one answer, as JSON, CSV or text from the same result, and says what was damaged."""

from __future__ import annotations

from itertools import islice

from dotdump.cli.registry import Exit
from dotdump.report.table import printable_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dotdump.cli.console import Console
    from dotdump.target.model import Problem

_WARNINGS = 10


def print_answer(
    console: Console,
    schema: str,
    result: object,
    text: Callable[[int | None], str],
    csv: Callable[[], str] | None = None,
) -> None:
    """Print ``result``; ``text`` is given the terminal's width, ``csv`` is for commands that have this format."""
    if console.format == "json":
        from dotdump.report.json_format import render_json

        console.result(render_json(schema, result))
    elif console.format == "csv" and csv is not None:
        console.result(csv())
    else:
        console.result(printable_lines(text(console.width)))


def tell_moving(console: Console) -> None:
    """Say that a collection was under way."""
    console.warning("a garbage collection was moving objects: this is what could be had")


def tell_heap_damage(problems: Collection[Problem], console: Console, *, whole: bool) -> int:
    """Say that a collection was under way, unless the heap is ``whole``, and what was damaged; return the exit code."""
    if not whole:
        tell_moving(console)
    return tell_damage(problems, console, walkable=whole)


def tell_damage(problems: Collection[Problem], console: Console, *, walkable: bool = True) -> int:
    """Say what was damaged; return the exit code that fits."""
    warn_of(problems, console)
    return Exit.PROBLEMS if problems or not walkable else Exit.DONE


def warn_of(problems: Collection[Problem], console: Console, listing: str = "--format json") -> None:
    """Say the first problems, and how many more there are: of a small dump hundreds of types may not be there.

    ``listing`` is what lists them all.
    """
    for problem in islice(problems, _WARNINGS):
        console.warning(problem.message)
    if len(problems) > _WARNINGS:
        console.warning(f"{len(problems) - _WARNINGS:,} problems more: {listing} lists them all")
