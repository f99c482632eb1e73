from dotdump.dump.advice import advice_for
from dotdump.ipc.commands import HResult


def test_a_failure_without_a_word_is_told_so_and_one_with_words_is_not() -> None:
    assert "does not say why" in (advice_for(HResult.E_FAIL, "") or "")
    said = advice_for(HResult.E_FAIL, "a Python program has no Mini dump: ask for a Full one")
    assert said is not None
    assert "does not say why" not in said
    assert "--method ptrace" in said


def test_what_createdump_says_is_known_whatever_the_code() -> None:
    assert "disk is full" in (advice_for(HResult.E_FAIL, "write: No space left on device") or "")
    assert advice_for(0x12345, "something") is None


def test_a_createdump_that_is_there_is_not_said_to_be_missing() -> None:
    failed = "Problem launching createdump: {} FAILED"
    for call, why in (("pipe()", "Too many open files (24)"), ("fork()", "Resource temporarily unavailable (11)")):
        said = advice_for(HResult.E_FAIL, f"{failed.format(call)} {why}") or ""
        assert said.startswith("the target may ")
        assert "--method ptrace" in said
