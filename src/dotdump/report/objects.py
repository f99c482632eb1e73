"""Objects of a heap, row by row: they are printed as they are found, for there may be millions."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from dotdump.report.json_format import json_line
from dotdump.report.listing import encodable
from dotdump.report.table import fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dotdump.analysis.objects import ObjectRow

COLUMNS = ("address", "method_table", "size", "retained", "generation", "type", "value")


class Totals:
    """Counts rows and their bytes while they pass."""

    def __init__(self) -> None:
        self.objects = 0
        self.bytes = 0

    def of(self, rows: Iterable[ObjectRow]) -> Iterator[ObjectRow]:
        """Yield ``rows`` and count them."""
        for row in rows:
            self.objects += 1
            self.bytes += row.size
            yield row


def text_lines(rows: Iterable[ObjectRow], fields: Sequence[str], width: int | None) -> Iterator[str]:
    """Yield a header and a line for each row, at most ``width`` columns wide; columns do not wait for their widest."""
    yield f"{'ADDRESS':<14}  {'BYTES':>12}  {'GENERATION':<10}  TYPE{'  VALUE' if not fields else ''}"
    for row in rows:
        shown = [f"{name}={_cell(row.fields.get(name))}" for name in fields] or [row.value]
        retained = "" if row.retained is None else f"  (retains {row.retained:,})"
        line = f"{row.address:<14}  {row.size:>12,}  {row.generation:<10}  {row.type}  {'  '.join(shown)}{retained}"
        yield fitted(line.rstrip(), width)


def csv_lines(rows: Iterable[ObjectRow], fields: Sequence[str]) -> Iterator[str]:
    """Yield a header and a line of CSV for each row."""
    yield _csv_line([*COLUMNS, *fields])
    for row in rows:
        yield _csv_line([*(getattr(row, name) for name in COLUMNS), *(_cell(row.fields.get(f)) for f in fields)])


def json_lines(rows: Iterable[ObjectRow], totals: Totals, problems: Iterable[object]) -> Iterator[str]:
    """Yield the lines of one JSON object, a line for each row; ``problems`` are asked for at the end."""
    yield '{\n"schema": "dotdump/objects/1",\n"objects": ['
    before = ""
    for row in rows:
        if before:
            yield before + ","
        before = json_line(row)
    if before:
        yield before
    yield f'],\n"count": {totals.objects},\n"size": {totals.bytes},'
    yield f'"problems": {json_line(tuple(problems))}\n}}'


def _cell(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _csv_line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return encodable(text.getvalue())
