"""Statistics of a heap, saved beside its core: what ``dotdump heap`` says the second time without opening the core.

They lie in the table of an index file, which a checksum guards. What does not fit is not believed, and counted anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dotdump import __version__
from dotdump.analysis.statistics import Amount, GenerationRow, HeapStatistics, TypeRow
from dotdump.clr.graph.index_file import IndexContents
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from dotdump.clr.graph.index_folder import IndexFolder

STATISTICS = "statistics"


def save_statistics(folder: IndexFolder, statistics: HeapStatistics) -> str | None:
    """Save ``statistics``; return the file's path, or None where no place takes it."""
    facts = {
        "made_by": __version__,
        "runtime": statistics.runtime,
        "server": statistics.server,
        "walkable": statistics.walkable,
        "objects": statistics.objects,
        "bytes": statistics.bytes,
        "free_bytes": statistics.free_bytes,
        "generations": [[g.name, g.used, g.count, g.size, g.free, g.holes] for g in statistics.generations],
        "types": [_plain(row) for row in statistics.types],
        "problems": [[problem.kind, problem.message] for problem in statistics.problems],
    }
    return folder.write(STATISTICS, IndexContents({}, facts))


def load_statistics(folder: IndexFolder) -> HeapStatistics | None:
    """Return what was saved, or None where there is nothing that this version of dotdump wrote."""
    contents = folder.read(STATISTICS)
    if contents is None or contents.facts.get("made_by") != __version__:
        return None
    try:
        return _statistics(contents.facts)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _statistics(facts: Any) -> HeapStatistics:  # noqa: ANN401 - whatever JSON holds
    return HeapStatistics(
        str(facts["runtime"]),
        bool(facts["server"]),
        bool(facts["walkable"]),
        int(facts["objects"]),
        int(facts["bytes"]),
        int(facts["free_bytes"]),
        tuple(GenerationRow(str(name), *map(int, numbers)) for name, *numbers in facts["generations"]),
        tuple(_row(*row) for row in facts["types"]),
        tuple(Problem(str(kind), str(message)) for kind, message in facts["problems"]),
    )


def _plain(row: TypeRow) -> list[object]:
    parts = {name: [amount.count, amount.size] for name, amount in row.generations.items()}
    return [row.method_table, row.name, row.module, parts, row.is_free]


def _row(
    method_table: object, name: object, module: object, parts: dict[object, list[object]], is_free: object
) -> TypeRow:
    amounts = {str(key): Amount(int(str(count)), int(str(size))) for key, (count, size) in parts.items()}
    count, size = (sum(getattr(amount, key) for amount in amounts.values()) for key in ("count", "size"))
    return TypeRow(str(method_table), str(name), str(module), count, size, amounts, bool(is_free))
