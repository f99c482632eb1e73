"""Exceptions whose fields are what a hostile dump may have in them."""

from __future__ import annotations

import pytest

from builders.managed import NamedObject, NamedType, exception
from dotdump import limits
from dotdump.clr.model.exception import ClrException
from dotdump.clr.model.value import Unreadable
from dotdump.errors import FormatError, InvalidObject


def test_an_exception_says_what_it_was_made_with() -> None:
    one = ClrException(exception(0x1000, "Corpus.Trouble", _message="no", _HResult=-5, _remoteStackTraceString="at x"))
    assert (one.type_name, one.message, one.hresult, one.remote_stack_trace) == ("Corpus.Trouble", "no", -5, "at x")
    assert (one.inner, one.inners, one.stack_trace) == (None, (), ())


@pytest.mark.parametrize(("text", "message"), [("", ""), ("no", "no"), ("a\0", "a\0"), ("\0\0\0", None)])
def test_a_message_that_was_blanked_is_none(text: str, message: str | None) -> None:
    assert ClrException(exception(0x1000, _message=text)).message == message


def test_what_is_no_exception_is_refused() -> None:
    with pytest.raises(InvalidObject, match=r"Corpus\.Order is no exception"):
        ClrException(NamedObject(0x1000, NamedType("Corpus.Order")))


def test_a_chain_of_inner_exceptions_ends_before_one_that_was_there() -> None:
    first, second, third = exception(0x1000), exception(0x2000), exception(0x3000)
    first.named.fields["_innerException"] = second
    second.named.fields["_innerException"] = third
    third.named.fields["_innerException"] = second
    assert [one.address for one in ClrException(first).chain] == [0x1000, 0x2000, 0x3000]


def test_an_exception_that_is_its_own_inner_one_is_a_chain_of_one() -> None:
    only = exception(0x1000)
    only.named.fields["_innerException"] = only
    assert [one.address for one in ClrException(only).chain] == [0x1000]


def test_a_chain_without_an_end_is_cut() -> None:
    top = exception(8)
    for address in range(16, 8 * limits.INNER_EXCEPTIONS + 80, 8):
        top = exception(address, _innerException=top)
    assert len(ClrException(top).chain) == limits.INNER_EXCEPTIONS


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_aggregate_has_all_that_led_to_it(wrapped: bool) -> None:
    inner = [exception(0x2000), exception(0x3000)]
    array = NamedObject(0x4000, NamedType("System.Exception[]"), [*inner, None, "text"])
    held = NamedObject(0x5000, NamedType("ReadOnlyCollection", {"list": array})) if wrapped else array
    name = "m_innerExceptions" if wrapped else "_innerExceptions"
    one = ClrException(exception(0x1000, "System.AggregateException", _innerException=inner[0], **{name: held}))
    assert [each.address for each in one.inners] == [0x2000, 0x3000]


def test_an_inner_exception_that_cannot_be_read_is_an_error_and_not_none() -> None:
    one = ClrException(exception(0x1000, _innerException=Unreadable("no object at 0x7: it is not aligned")))
    with pytest.raises(FormatError, match="not aligned"):
        _ = one.inner


def test_a_stack_trace_that_is_no_array_of_bytes_is_refused() -> None:
    with pytest.raises(FormatError, match="no array of bytes"):
        _ = ClrException(exception(0x1000, _stackTrace="text")).stack_trace
