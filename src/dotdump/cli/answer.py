"""How a command prints its one answer: as JSON, as CSV, or as text, from the same result."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.cli.console import Console


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
