"""Rows of an answer: chosen, sorted, and as CSV; what a row means only its own report knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Row = TypeVar("Row")


@record
class Choice:
    """Which rows: those whose text matches ``pattern``, in the order of ``sort``, ``limit`` of them from ``offset``."""

    pattern: str | None = None
    sort: str = ""
    limit: int | None = None
    offset: int = 0


def choose(
    rows: Iterable[Row], choice: Choice, text: Callable[[Row], str], keys: Mapping[str, Callable[[Row], Any]]
) -> tuple[Row, ...]:
    """Return the rows that ``choice`` wants; ``text`` is what the pattern is searched in, ``keys`` the orders."""
    wanted = re.compile(choice.pattern) if choice.pattern else None
    chosen = [row for row in rows if wanted is None or wanted.search(text(row))]
    if choice.sort in keys:
        chosen.sort(key=keys[choice.sort])
    last = None if choice.limit is None else choice.offset + choice.limit
    return tuple(chosen[choice.offset : last])


def as_csv(kind: type, rows: Sequence[object]) -> str:
    """Return rows of one record or dataclass as CSV, the names of its fields first; None is an empty cell."""
    names: tuple[str, ...] = kind.__match_args__  # type: ignore[attr-defined] # every record has it
    return csv_text(names, ([_cell(getattr(row, name)) for name in names] for row in rows))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return cells as CSV."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return encodable(text.getvalue())


def encodable(text: str) -> str:
    """Return ``text`` with what no encoding has, surrogates without their other half, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return str(value).lower() if isinstance(value, bool) else value
