"""Questions answered over a target or its runtime: frozen results, for reports and for programs.

    with dotdump.open_core("core.4711") as core:
        runtime = dotdump.ClrRuntime.of(core)
        for row in dotdump.analysis.heap_statistics(runtime).types[:10]: ...

        heap = dotdump.analysis.RootedHeap.of(runtime)  # its graph, with roots by name
        for suspect in dotdump.analysis.leak_suspects(heap).suspects: ...

Most are what a command prints, and the record that they return is the JSON of that command: sizes are in bytes,
addresses are texts (``0x7f3a5c001000``), and ``problems`` says what was damaged or missing, without which the rest of
the answer is right all the same. What cannot be answered at all raises a ``ClrError``, ``FormatError`` or
``MemoryFault``. Names are imported when they are first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.analysis.addresses import meaning_of
    from dotdump.analysis.async_stacks import list_async_stacks
    from dotdump.analysis.core_information import describe_core
    from dotdump.analysis.crash import explain_crash
    from dotdump.analysis.exceptions import held_only, list_exceptions
    from dotdump.analysis.finalizers import list_finalizers
    from dotdump.analysis.growth import heap_growth
    from dotdump.analysis.handles import list_handles
    from dotdump.analysis.liveness import live_statistics
    from dotdump.analysis.locks import lock_report
    from dotdump.analysis.managed_stacks import list_stacks
    from dotdump.analysis.modules import list_modules
    from dotdump.analysis.objects import ObjectQuery, find_objects
    from dotdump.analysis.parallel_stacks import stack_groups
    from dotdump.analysis.retention import retained_objects, retained_roots, retained_types
    from dotdump.analysis.root_paths import who_holds, who_holds_type
    from dotdump.analysis.rooted_heap import RootedHeap
    from dotdump.analysis.segments import heap_segments
    from dotdump.analysis.stack_objects import with_objects
    from dotdump.analysis.stack_variables import with_variables
    from dotdump.analysis.stacks import native_stacks
    from dotdump.analysis.statics import list_statics
    from dotdump.analysis.statistics import by_module, heap_statistics, in_generations
    from dotdump.analysis.strings import string_statistics
    from dotdump.analysis.suspects import leak_suspects
    from dotdump.analysis.threads import list_threads
    from dotdump.analysis.where import Where
    from dotdump.analysis.whole_object import object_details

_HOMES: dict[str, str] = {
    "ObjectQuery": "objects",
    "RootedHeap": "rooted_heap",
    "Where": "where",
    "by_module": "statistics",
    "describe_core": "core_information",
    "explain_crash": "crash",
    "find_objects": "objects",
    "heap_growth": "growth",
    "heap_segments": "segments",
    "heap_statistics": "statistics",
    "held_only": "exceptions",
    "in_generations": "statistics",
    "leak_suspects": "suspects",
    "list_async_stacks": "async_stacks",
    "list_exceptions": "exceptions",
    "list_finalizers": "finalizers",
    "list_handles": "handles",
    "list_modules": "modules",
    "list_stacks": "managed_stacks",
    "list_statics": "statics",
    "list_threads": "threads",
    "live_statistics": "liveness",
    "lock_report": "locks",
    "meaning_of": "addresses",
    "native_stacks": "stacks",
    "object_details": "whole_object",
    "retained_objects": "retention",
    "retained_roots": "retention",
    "retained_types": "retention",
    "stack_groups": "parallel_stacks",
    "string_statistics": "strings",
    "who_holds": "root_paths",
    "who_holds_type": "root_paths",
    "with_objects": "stack_objects",
    "with_variables": "stack_variables",
}
"""The module that a name lives in."""

__all__ = [
    "ObjectQuery",
    "RootedHeap",
    "Where",
    "by_module",
    "describe_core",
    "explain_crash",
    "find_objects",
    "heap_growth",
    "heap_segments",
    "heap_statistics",
    "held_only",
    "in_generations",
    "leak_suspects",
    "list_async_stacks",
    "list_exceptions",
    "list_finalizers",
    "list_handles",
    "list_modules",
    "list_stacks",
    "list_statics",
    "list_threads",
    "live_statistics",
    "lock_report",
    "meaning_of",
    "native_stacks",
    "object_details",
    "retained_objects",
    "retained_roots",
    "retained_types",
    "stack_groups",
    "string_statistics",
    "who_holds",
    "who_holds_type",
    "with_objects",
    "with_variables",
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
