"""What becomes of threads that did not stop where a twin is buried: they are let go, whatever happens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar, cast

import pytest

from dotdump.errors import ProcessGone
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
    with pytest.raises(ProcessGone):
        burial.bury_twin(NOBODY, TWIN, cast("Gadgets", None), MapsMemo())
    assert Stopped.done == ["release", "close"]
