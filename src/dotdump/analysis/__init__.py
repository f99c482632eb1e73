"""Questions answered over a runtime: frozen results, for reports and for programs.

    with dotdump.open_core("core.4711") as core:
        runtime = dotdump.ClrRuntime.of(core)
        for row in dotdump.analysis.heap_statistics(runtime).types[:10]: ...

        heap = dotdump.analysis.RootedHeap.of(runtime)  # its graph, with roots by name
        for suspect in dotdump.analysis.leak_suspects(heap).suspects: ...

Names are imported when they are first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.analysis.growth import heap_growth
    from dotdump.analysis.liveness import live_statistics
    from dotdump.analysis.objects import ObjectQuery, find_objects
    from dotdump.analysis.retention import retained_objects, retained_roots, retained_types
    from dotdump.analysis.root_paths import who_holds, who_holds_type
    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.analysis.segments import heap_segments
    from dotdump.analysis.statistics import by_module, heap_statistics, in_generations
    from dotdump.analysis.strings import string_statistics
    from dotdump.analysis.suspects import leak_suspects
    from dotdump.analysis.where import Where
    from dotdump.analysis.whole_object import object_details

_HOMES: dict[str, str] = {
    "ObjectQuery": "objects",
    "RootedHeap": "rooted_heap",
    "Where": "where",
    "by_module": "statistics",
    "find_objects": "objects",
    "heap_growth": "growth",
    "heap_segments": "segments",
    "heap_statistics": "statistics",
    "in_generations": "statistics",
    "leak_suspects": "suspects",
    "live_statistics": "liveness",
    "object_details": "whole_object",
    "retained_objects": "retention",
    "retained_roots": "retention",
    "retained_types": "retention",
    "string_statistics": "strings",
    "who_holds": "root_paths",
    "who_holds_type": "root_paths",
}
"""The module that a name lives in."""

__all__ = [
    "ObjectQuery",
    "RootedHeap",
    "Where",
    "by_module",
    "find_objects",
    "heap_growth",
    "heap_segments",
    "heap_statistics",
    "in_generations",
    "leak_suspects",
    "live_statistics",
    "object_details",
    "retained_objects",
    "retained_roots",
    "retained_types",
    "string_statistics",
    "who_holds",
    "who_holds_type",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dotdump.analysis' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"dotdump.analysis.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
