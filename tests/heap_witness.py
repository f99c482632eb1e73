"""What ClrMD says of a core's heap, beside what we say: one ``Comparison`` for each kind of thing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import type_witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dotdump.clr.model.runtime import ClrRuntime

    Witness = Callable[[str], Any]
    """Gives what ClrMD answers to a verb: JSON, or for some verbs lines."""


@dataclass(frozen=True)
class Comparison:
    """How many things of a kind the witness has, and the first few that are not the same here."""

    kind: str
    count: int
    different: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.different


def compare_segments(runtime: ClrRuntime, witness: Witness) -> Comparison:
    ours = {
        (str(s.kind), hex(s.start), hex(s.end), s.heap, s.committed_size, s.reserved_size)
        for s in runtime.heap.segments
    }
    theirs = {(s["kind"], s["start"], s["end"], s["heap"], s["committed"], s["reserved"]) for s in witness("segments")}
    return sets("segments", theirs, ours)


def compare_objects(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare address, MethodTable and size: theirs is a length, ours what the object takes, in steps of 8."""
    graph = runtime.heap.graph()
    tables = [shape.method_table for shape in graph.types]
    rows = zip(graph.addresses, graph.type_ids, graph.sizes, strict=True)
    ours = {(address, tables[kind], size) for address, kind, size in rows}
    lines = (line.split() for line in witness("objects"))
    return sets("objects", {(int(a, 16), int(t, 16), (int(size) + 7) & ~7) for a, t, size in lines}, ours)


def compare_names(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare names; where ClrMD knows none of a sparse core, or the definition's alone, there is no witness."""
    rows = {int(row[0], 16): row[1] for row in witness("stat")["types"]}
    unknown = {table for table, name in rows.items() if is_unknown(name)}
    theirs = {(table, name.replace("Int64<*>", "Int64[*]")) for table, name in rows.items() if table not in unknown}
    ours = {(table, runtime.type_name(table)) for table in runtime.heap.method_tables if table not in unknown}
    return sets("type names", theirs, ours)


def compare_references(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare each object's references, those by dependent handles included."""
    graph, different, count = runtime.heap.graph(), list[str](), 0
    dependents = [(int(h["target"], 16), int(h["dependent"], 16)) for h in witness("handles") if h["dependent"]]
    for line in witness("edges"):
        address, *theirs = (int(word, 16) for word in line.split())
        theirs += [secondary for primary, secondary in dependents if primary == address]
        count += len(theirs)
        row = graph.find(address)
        if row is None or sorted(graph.addresses[target] for target in graph.references(row)) != sorted(theirs):
            different.append(hex(address))
    if graph.dangling:
        different.append(f"{graph.dangling} lead to no object")
    return Comparison("references", count, tuple(different))


def compare_fields(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare base, token, fields with offset and declared type, names of statics, of every type with objects."""
    theirs = [json.loads(line) for line in witness("types")]
    found = [text for each in theirs for text in type_witness.compare(each, runtime.type_at(int(each["mt"], 16)))]
    return Comparison("fields", sum(len(each["fields"]) + len(each["statics"]) for each in theirs), tuple(found))


def compare_fields_by_object(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare fields with offset and declared type of every type with objects, asking for one object of each.

    For runtimes whose DAC ends with a segmentation fault when it is asked for static fields: 3.1 and 8.
    """
    graph, firsts = runtime.heap.graph(), dict[int, int]()
    for address, kind in zip(graph.addresses, graph.type_ids, strict=True):
        if not graph.types[kind].is_free:
            firsts.setdefault(kind, address)
    count, found = 0, list[str]()
    for kind, address in firsts.items():
        ours = runtime.type_at(graph.types[kind].method_table)
        theirs = witness(f"object {address:x}")["fields"]
        count += len(theirs)
        keys = {"Name": "name", "Offset": "offset", "Size": "size"}
        renamed = [{keys.get(key, key): value for key, value in field.items()} for field in theirs]
        found += type_witness.compare_fields(renamed, ours)
    return Comparison("fields", count, tuple(found))


def compare_handles(runtime: ClrRuntime, witness: Witness) -> Comparison:
    ours = [
        (h.kind.title, hex(h.address), hex(h.target), hex(h.secondary) if h.secondary else None)
        for h in runtime.handles()
    ]
    return lists("handles", ((h["kind"], h["address"], h["target"], h["dependent"]) for h in witness("handles")), ours)


def compare_finalizers(runtime: ClrRuntime, witness: Witness) -> Comparison:
    queue, theirs = runtime.finalizable_objects(), witness("finalizers")
    names = Counter(runtime.heap.object(entry.target).type.name for entry in queue if not entry.is_ready)
    ready = sum(entry.is_ready for entry in queue)
    registered = Counter(theirs["registered"])
    if any(is_unknown(name) for name in registered):  # of a sparse core: then only how many there are
        names, registered = Counter(all=names.total()), Counter(all=registered.total())
    found = sets("finalizers", {*registered.items(), ("ready", theirs["ready"])}, {*names.items(), ("ready", ready)})
    return Comparison(found.kind, registered.total() + theirs["ready"], found.different)


def compare_roots(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare roots that are no stacks; what stacks keep has to be among ours."""
    ours, theirs = runtime.rooted_graph().roots, witness("roots")
    outside = [(r["kind"], r["address"], r["target"]) for r in theirs if r["kind"] != "Stack"]
    known = [
        (str(r.kind), hex(r.address), hex(r.object)) for r in ours if "Handle" in r.kind or r.kind == "FinalizerQueue"
    ]
    found = lists("roots", outside, known)
    kept = {hex(root.object) for root in ours}
    missed = [r["target"] for r in theirs if r["type"] is not None and r["target"] not in kept]
    return Comparison("roots", len(theirs), (*found.different, *missed))


def compare_statics(runtime: ClrRuntime, witness: Witness) -> Comparison:
    """Compare the statics that refer to objects, of types with objects."""
    on_heap = set(runtime.heap.method_tables)
    ours = [
        (s.type.name, s.field.name, hex(s.object) if s.object else None)
        for s in runtime.statics()
        if s.type.method_table in on_heap and s.field.is_reference and s.initialized and s.thread is None
    ]
    return lists("statics", ((s["type"], s["field"], s["value"]) for s in witness("statics")), ours)


def is_unknown(name: str | None) -> bool:
    """Return whether ClrMD did not know the name of a type, or only that of its definition."""
    return name is None or name == "?" or "<T1" in name


def sets(kind: str, theirs: set[Any], ours: set[Any]) -> Comparison:
    """Compare two sets; what differs begins with ``-`` where only they have it, with ``+`` where only we do."""
    different = [f"- {row}" for row in sorted(theirs - ours, key=str)] + [
        f"+ {row}" for row in sorted(ours - theirs, key=str)
    ]
    return Comparison(kind, len(theirs), tuple(different))


def lists(kind: str, theirs: Iterable[Any], ours: Iterable[Any]) -> Comparison:
    """Compare two lists without their order."""
    expected, found = Counter(theirs), Counter(ours)
    different = [f"- {row}" for row in expected - found] + [f"+ {row}" for row in found - expected]
    return Comparison(kind, expected.total(), tuple(different))


COMPARISONS = (
    compare_objects,
    compare_names,
    compare_fields,
    compare_references,
    compare_handles,
    compare_finalizers,
    compare_roots,
    compare_segments,
    compare_statics,
)
