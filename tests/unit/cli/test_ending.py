import signal
from collections.abc import Callable

import pytest

from dotdump.cli.ending import ToldToEnd, endings_raised

RAISED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.mark.parametrize("number", RAISED)
def test_a_signal_that_would_end_us_is_raised_and_those_after_it_are_ignored(number: signal.Signals) -> None:
    try:
        with pytest.raises(ToldToEnd) as told, endings_raised():
            signal.raise_signal(number)
        assert told.value.number == number
        for again in RAISED:
            assert signal.getsignal(again) is signal.SIG_IGN
    finally:
        for raised in RAISED:
            signal.signal(raised, signal.SIG_DFL)


def test_what_was_done_before_is_done_afterwards() -> None:
    with endings_raised():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_where_a_sandbox_lets_nobody_handle_signals_the_block_is_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_number: int, _handler: Callable[..., object]) -> None:
        raise PermissionError

    monkeypatch.setattr(signal, "signal", refused)
    with endings_raised():
        done = True
    assert done
