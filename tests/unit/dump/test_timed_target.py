import time

import pytest

from builders.fake_target import FakeTarget
from dotdump.dump.timed_target import TimedTarget
from dotdump.errors import Incomplete
from dotdump.memory.space import BytesSpace


def test_a_target_is_read_until_the_deadline() -> None:
    target = FakeTarget(BytesSpace([(0x1000, b"abcd")]))
    early, late = (TimedTarget(target, time.monotonic() + seconds).memory for seconds in (1000, -1))
    assert early.read(0x1001, 2) == b"bc"
    assert early.ranges() == target.memory.ranges()
    with pytest.raises(Incomplete, match="--timeout"):
        late.read(0x1001, 2)
