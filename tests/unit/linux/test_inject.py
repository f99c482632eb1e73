from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.errors import CollectError
from dotdump.linux.inject import Injection
from dotdump.linux.ptrace_stop import Stop
from dotdump.linux.stop import TracedThread

if TYPE_CHECKING:
    from dotdump.linux.gadgets import Gadgets
    from dotdump.linux.thread_state import ThreadState

NOTHING = SimpleNamespace()


@pytest.mark.parametrize(("number", "name"), [(11, "SIGSEGV"), (33, "signal 33"), (40, "signal 40")])
def test_a_signal_that_cannot_be_passed_on_is_named_if_it_has_a_name(number: int, name: str) -> None:
    injection = Injection(TracedThread(7), cast("ThreadState", NOTHING), cast("Gadgets", NOTHING))
    with pytest.raises(CollectError, match=f"thread 7 got {name} while"):
        injection._passed_on(Stop(number, 0))
