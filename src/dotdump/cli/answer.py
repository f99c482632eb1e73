"""How a command prints its one answer, as JSON, CSV or text from the same result, and says what was damaged."""

from __future__ import annotations

from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dotdump.cli.console import Console
    from dotdump.target.model import Problem


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
        console.result(text(console.width))


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
    for problem in problems:
        console.warning(problem.message)
    return Exit.PROBLEMS if problems or not walkable else Exit.DONE
