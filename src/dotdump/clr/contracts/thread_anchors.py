"""Where the runtime keeps its list of threads and its finalizer: by name, else by what they look like.

From 9 on the descriptor names them, before that ``g_dacTable`` does. Where neither is there, or names what is no list
of threads, what it looks like is known: a variable of the runtime that points to a ThreadStore, whose list has as many
threads as it counts, and one of them at least is a thread that the target has. The finalizer is the first thread that
the runtime makes; a variable points to it. Behind that variable is the one that names who suspends the others.

Source of truth: threads.h, ``g_pFinalizerThread`` and ``g_pSuspensionThread`` of vars.cpp; one hit each on 3.1.23,
8.0.4, 8.0.31 single-file, 9.0.22 and 10.0.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.runtime_variables import runtime_variables
from dotdump.clr.data.threads import Thread, ThreadStore
from dotdump.errors import MemoryFault
from dotdump.limits import MANAGED_THREADS
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.data_access import DataAccess


@record
class ThreadAnchors:
    """Addresses: of the ThreadStore, of the finalizer's Thread, of the Thread that suspends others; 0 for none."""

    store: int
    finalizer: int
    suspending: int


def find_anchors(access: DataAccess) -> ThreadAnchors | None:
    """Return where threads are by what the layouts name, else by what it looks like; None where nothing is found."""
    named = _named(access)
    if named is not None and _is_store(access, named.store):
        return named
    variables = dict(runtime_variables(access))
    store = next((value for value in dict.fromkeys(variables.values()) if _is_store(access, value)), None)
    return named if store is None else _with_finalizer(access, variables, store)


def list_threads(access: DataAccess, store: int) -> Iterator[int]:
    """Yield the address of each Thread in the list, the oldest first; raises ``MemoryFault`` where the list breaks."""
    distance = access.offset("Thread", "LinkNext")
    link, seen = ThreadStore(access, store).first_link, set[int]()
    while link and link not in seen and len(seen) < MANAGED_THREADS:
        seen.add(link)
        yield link - distance
        link = access.reader.pointer(link)


def _named(access: DataAccess) -> ThreadAnchors | None:
    if not access.has_global("ThreadStore"):
        return None
    try:
        return ThreadAnchors(*(access.global_pointer(name) for name in ("ThreadStore", "FinalizerThread", "GCThread")))
    except MemoryFault:
        return None


def _is_store(access: DataAccess, address: int) -> bool:
    try:
        count = ThreadStore(access, address).thread_count
        if not 0 < count <= MANAGED_THREADS or ThreadStore(access, address).first_link % 8:
            return False
        found: list[int] = []
        for thread in list_threads(access, address):
            if len(found) == count or thread % 8:
                return False
            found.append(thread)
        known = {thread.tid for thread in access.target.threads}
        return len(found) == count and any(Thread(access, thread).os_id in known for thread in found)
    except MemoryFault:
        return False


def _with_finalizer(access: DataAccess, variables: dict[int, int], store: int) -> ThreadAnchors:
    ids = {thread: Thread(access, thread).id for thread in list_threads(access, store)}
    named = [(ids[value], -place) for place, value in variables.items() if value in ids]
    if not named:
        return ThreadAnchors(store, 0, 0)
    place = -min(named)[1]
    following = place + access.reader.pointer_size
    suspending = variables.get(following, 0)
    return ThreadAnchors(store, variables[place], suspending if suspending in ids else 0)
