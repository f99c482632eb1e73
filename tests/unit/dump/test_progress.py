import pytest

from dotdump.dump.progress import Meter, Phase


def test_rate_and_time_left_follow_from_the_last_seconds() -> None:
    meter = Meter()
    for second in range(4):
        meter.update(Phase.WRITE, second * 100, 1000, float(second))
    reading = meter.update(Phase.WRITE, 400, 1000, 4.0)
    assert (reading.rate, reading.seconds_left, reading.fraction) == (100.0, 6.0, 0.4)


def test_a_writer_that_stalls_loses_its_rate() -> None:
    meter = Meter()
    meter.update(Phase.WRITE, 0, 1000, 0.0)
    for second in range(1, 11):
        meter.update(Phase.WRITE, 500, 1000, float(second))
    reading = meter.update(Phase.WRITE, 500, 1000, 11.0)
    assert reading.rate is None
    assert reading.seconds_left is None


def test_a_new_phase_starts_anew() -> None:
    meter = Meter()
    meter.update(Phase.WRITE, 10, 10, 0.0)
    reading = meter.update(Phase.FETCH, 1, 10, 5.0)
    assert (reading.elapsed, reading.rate) == (0.0, None)


@pytest.mark.parametrize(("done", "expected", "fraction"), [(5, None, None), (5, 0, None), (15, 10, 1.0)])
def test_the_part_done_is_unknown_or_at_most_one(done: int, expected: int | None, fraction: float | None) -> None:
    assert Meter().update(Phase.WRITE, done, expected, 0.0).fraction == fraction
