from __future__ import annotations

import struct

import pytest

from builders.fake_access import Layout, fake_access
from dotdump.clr.contracts.fcalls import FCalls
from dotdump.clr.data.frames import HelperMethodFrame
from dotdump.errors import MemoryFault

FRAME, TABLE, NODES, CODE, OWN = 0x1000, 0x2000, 0x3000, 0x700000, 0x53000
BUCKETS = 5
LAYOUTS: dict[str, Layout] = {
    "HelperMethodFrame": {"MethodDescPtr": 0, "FCallEntry": 8, "MachState": 16},
    "MachState": {"ReturnAddressPtr": 0},
    "ECHash": {"Next": 0, "Implementation": 8, "MethodDesc": 16},
}


def method_of(implementation: int, *, tail: int = 0, buckets: int = BUCKETS, caller: int = 0) -> int:
    """Return what is found where two functions of one bucket have methods, the last of them followed by ``tail``."""
    variables = {"FCallMethods": TABLE, "FCallBuckets": buckets} if buckets else {}
    access, target = fake_access(LAYOUTS, globals_=variables)
    heads = [0] * BUCKETS
    heads[CODE % BUCKETS] = NODES
    target.chunks[FRAME] = struct.pack("<3Q", OWN, implementation, caller)
    target.chunks[TABLE] = struct.pack(f"<{BUCKETS}Q", *heads)
    target.chunks[NODES] = struct.pack("<6Q", NODES + 24, CODE, 0x51000, tail, CODE + BUCKETS, 0x52000)
    return FCalls(access).method_of(HelperMethodFrame(access, FRAME))


@pytest.mark.parametrize(
    ("implementation", "method"),
    [(CODE, 0x51000), (CODE + BUCKETS, 0x52000), (CODE + 2 * BUCKETS, 0), (CODE + 1, 0), (0, 0)],
)
def test_a_function_of_the_runtime_leads_to_the_method_it_implements(implementation: int, method: int) -> None:
    assert method_of(implementation) == method


def test_a_chain_that_turns_back_ends() -> None:
    assert method_of(CODE + 2 * BUCKETS, tail=NODES) == 0


def test_a_chain_that_leads_nowhere_is_a_memory_fault() -> None:
    with pytest.raises(MemoryFault, match="0x666008"):
        method_of(CODE + 2 * BUCKETS, tail=0x666000)


def test_a_frame_whose_caller_was_found_says_its_method_itself() -> None:
    assert method_of(CODE, caller=0x8000) == OWN


def test_without_the_table_there_is_what_the_frame_says() -> None:
    assert method_of(CODE, buckets=0) == OWN
