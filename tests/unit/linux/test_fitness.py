"""Which threads may be used, over built states: all in a system call, where no restartable sequence can be."""

from collections.abc import Iterator

import pytest

from dotdump.linux import ptrace
from dotdump.linux.fitness import fit_threads
from dotdump.linux.stop import TracedThread
from dotdump.linux.thread_state import CS, FS_BASE, GENERAL, ORIG_RAX, RAX, RSP, ThreadState
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.records import replace

READ_WRITE = Protection.READ | Protection.WRITE
MAIN = Region(0x7FF0_0000, 0x7FF2_0000, READ_WRITE, path="[stack]", shared=False)
GUARD = Region(0x1000_0000, 0x1000_1000, Protection(0), shared=False)
THREAD = Region(0x1000_1000, 0x1004_0000, READ_WRITE, shared=False)
REGIONS = [GUARD, THREAD, MAIN]
POLL, WAITING = 7, 0


@pytest.fixture(autouse=True)
def dispatching(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the threads whose system calls are dispatched to a handler: none; to be filled."""
    found: set[int] = set()
    monkeypatch.setattr(ptrace, "dispatches_calls", found.__contains__)
    return found


def state(tid: int, stack: int, **changed: int) -> ThreadState:
    values = [0] * 27
    values[CS], values[ORIG_RAX], values[RAX], values[RSP] = 0x33, POLL, WAITING, stack
    for name, value in changed.items():
        values[{"cs": CS, "call": ORIG_RAX, "result": RAX, "fs": FS_BASE}[name]] = value & (1 << 64) - 1
    return ThreadState(tid, GENERAL.pack(*values), b"", b"", b"", 0)


MAIN_THREAD = state(1, 0x7FF1_0000)
OTHER_THREAD = state(2, 0x1003_0000, fs=0x1003_F000)


def fit(states: list[ThreadState], regions: list[Region] = REGIONS, deliver: int = 0) -> list[int]:
    threads = [TracedThread(one.tid) for one in states]
    for thread in threads:
        thread.deliver = deliver
    return [thread.tid for thread, _ in fit_threads(threads, states, regions, BytesSpace([]))]


def test_threads_on_stacks_that_are_surely_theirs_are_fit() -> None:
    assert fit([MAIN_THREAD, OTHER_THREAD]) == [1, 2]


def test_a_call_that_has_its_result_is_better_than_one_that_restarts() -> None:
    results = {1: -516, 2: -512, 3: -513, 4: 0}
    regions = [replace(MAIN, start=tid << 24, end=(tid << 24) + 0x20000) for tid in results]
    states = [state(tid, (tid << 24) + 0x10000, result=result) for tid, result in results.items()]
    assert fit(states, regions) == [4, 3, 2, 1]


@pytest.mark.parametrize("call", [59, 322])
def test_a_thread_in_exec_is_not_fit(call: int) -> None:
    assert fit([state(1, 0x7FF1_0000, call=call)]) == []


def test_a_thread_of_32_bits_or_with_a_signal_on_its_way_or_not_stopped_is_not_fit() -> None:
    assert fit([state(1, 0x7FF1_0000, cs=0x23)]) == []
    assert fit([MAIN_THREAD], deliver=10) == []
    assert fit([replace(MAIN_THREAD, exact=False)]) == []


def test_a_thread_whose_calls_go_to_a_handler_is_not_fit(dispatching: set[int]) -> None:
    dispatching.add(1)
    assert fit([MAIN_THREAD, OTHER_THREAD]) == [2]


@pytest.mark.parametrize("stack", [0, 0x7FEF_FFF0, 0x7FF0_0100, 0x7FF2_0000, 0x1000_0800])
def test_a_stack_pointer_without_room_below_it_is_not_fit(stack: int) -> None:
    assert fit([state(1, stack, fs=0x1003_F000)]) == []


@pytest.mark.parametrize(
    "changed",
    [{"shared": True}, {"inode": 3}, {"protection": Protection.READ}],
    ids=["shared", "of a file", "read-only"],
)
def test_memory_that_is_no_stack_is_not_fit(changed: dict[str, object]) -> None:
    assert fit([OTHER_THREAD], [GUARD, replace(THREAD, **changed)]) == []


def test_a_coroutine_is_not_fit() -> None:
    assert fit([OTHER_THREAD], [THREAD]) == []  # no guard below
    assert fit([state(2, 0x1003_0000, fs=0x7F00_0000)]) == []  # its control block is elsewhere
    assert fit([state(2, 0x1003_0000, fs=0x1002_0000)]) == []  # or below its stack pointer


def test_two_threads_in_one_mapping_are_not_fit() -> None:
    assert fit([OTHER_THREAD, state(3, 0x1002_0000, fs=0x1002_8000)]) == []


class Walked(list[ThreadState]):
    """States that count how often somebody goes through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[ThreadState]:
        self.walks += 1
        return super().__iter__()


def test_states_are_gone_through_once_and_not_for_every_thread() -> None:
    tids = range(1, 101)
    regions = [replace(MAIN, start=tid << 24, end=(tid << 24) + 0x20000) for tid in tids]
    states = Walked(state(tid, (tid << 24) + 0x10000) for tid in tids)
    threads = [TracedThread(tid) for tid in tids]
    assert len(fit_threads(threads, states, regions, BytesSpace([]))) == 100
    assert states.walks <= 2
