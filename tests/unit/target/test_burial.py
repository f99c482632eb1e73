"""What becomes of threads that did not stop where a twin is buried: they are let go, whatever happens."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar, cast

import pytest

from dotdump.errors import AccessDenied, CollectError
from dotdump.linux.maps import MapsMemo
from dotdump.target import burial

if TYPE_CHECKING:
    from dotdump.linux.fork_child import ForkedChild
    from dotdump.linux.gadgets import Gadgets

NOBODY = (1 << 31) - 1
TWIN = cast("ForkedChild", SimpleNamespace(inner_pid=7, pid=8))


class Stopped:
    """A process that ends in its stop."""

    live = NOBODY
    done: ClassVar[list[str]] = []

    def __init__(self, _: int) -> None:
        self.world = self
        self.done.clear()

    def release(self) -> None:
        self.done.append("release")

    def close(self) -> None:
        self.done.append("close")


def test_threads_that_did_not_stop_are_let_go_where_the_process_ends_in_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(burial, "StoppedProcess", Stopped)
    assert burial.bury_twin(NOBODY, TWIN, cast("Gadgets", None), MapsMemo()) == []
    assert Stopped.done == ["release", "close"]


@pytest.mark.parametrize("error", [AccessDenied("is traced"), CollectError("does not stop")])
def test_a_process_that_cannot_be_stopped_keeps_its_dead_twin_and_that_is_said(
    error: CollectError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise error

    monkeypatch.setattr(burial, "StoppedProcess", refuse)
    monkeypatch.setattr(burial, "PATIENCE_SECONDS", 0.1)
    (said,) = burial.bury_twin(os.getpid(), TWIN, cast("Gadgets", None), MapsMemo())
    assert said == f"process {os.getpid()} keeps its dead child 7 as a zombie: {error}"
