"""Snapshots of a process that collects garbage all the time: none of those that wait for a moment is taken meanwhile.

What is asked is the twin's own memory, not what the dumper says of itself. The same number of snapshots is taken at any
moment, to know how many would have been.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpus import Corpus, corpus, runtime_settings, runtimes
from dotdump.clr.gc_dac_vars import find_gc_dac_vars
from dotdump.dump.gc_moment import DEFAULT_WAIT, GcMoment
from dotdump.target.snapshot import open_snapshot
from faults.ledger import Ledger

if TYPE_CHECKING:
    from corpus import Runtime


STORM = runtime_settings(GCgen0size="10000")
"""A collection after each 64 kB of objects."""


def _when(target: Corpus, wait: float) -> str:
    """Take a snapshot and say what its memory says; fail where it is said to have waited with success and has not."""
    with GcMoment(target.pid, wait) as gc:
        twin = open_snapshot(target.pid, moment=gc.moment)
    with twin:
        found = find_gc_dac_vars(twin)
        assert found is not None
        during = any(twin.memory.read(found.variables["StructureInvalidCount"], 4))
        assert not (during and wait and twin.suited), f"during a collection, at stop {twin.stops}: {twin.problems}"
        if not twin.suited:
            return "no moment within the budget"
        return "during a collection" if during else "between collections"


@pytest.mark.parametrize("wait", [DEFAULT_WAIT, 0.0], ids=["waiting", "any-moment"])
@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_a_snapshot_that_waits_is_not_taken_in_a_collection(runtime: Runtime, wait: float) -> None:
    ledger = Ledger(f"gc-{runtime.version.split('.')[0]}-{'waiting' if wait else 'any-moment'}", full=200, sample=3)
    with corpus(runtime, "bulk", objects=500_000, mutators=2, environment=STORM) as target:
        ledger.run(lambda _: _when(target, wait))
    ledger.allow(0)
