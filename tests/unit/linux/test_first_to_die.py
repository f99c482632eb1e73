"""Our place before the out-of-memory killer: taken for a while, and given back."""

from pathlib import Path

from dotdump.linux.first_to_die import first_to_die

SCORE = Path("/proc/self/oom_score_adj")


def test_the_score_is_raised_for_the_block_and_is_then_as_it_was() -> None:
    before = SCORE.read_text()
    with first_to_die():
        assert SCORE.read_text() == "999\n"
        with first_to_die():
            assert SCORE.read_text() == "999\n"
        assert SCORE.read_text() == "999\n"
    assert SCORE.read_text() == before != "999\n"
