"""Names of types as ``heap`` prints them, where a regular expression is taken."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentTypeError
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from builders.heaps import FakeHeap
from builders.roots import add_handles
from dotdump.cli.listing_arguments import add_listing, pattern
from dotdump.cli.main import main
from dotdump.cli.registry import Exit
from dotdump.clr.contracts.handles import HandleKind
from dotdump.clr.model.runtime import ClrRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builders.clr import FakeTarget

NAME = "Shop.Customer[]"


@pytest.fixture(autouse=True)
def heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """One array of customers by a strong handle."""
    fake = FakeHeap()
    region = fake.add_region(2, [fake.add_type(24, 8).method_table, 0, 0])
    add_handles(fake, (HandleKind.STRONG, [region.start], []))

    @contextmanager
    def opened(*_: object) -> Iterator[FakeTarget]:
        yield fake.target()

    monkeypatch.setattr("dotdump.cli.rooted.open_target", opened)
    monkeypatch.setattr(ClrRuntime, "type_name", lambda *_: NAME)


@pytest.mark.parametrize("name", ["Customer[]", NAME, r"Customer\[\]$"])
def test_an_array_is_found_by_its_name_as_it_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["roots", "core", name, "--no-index"])
    assert f"strong handle -> {NAME}" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["7f0010000028", "0x7f0010000028", "0X7F0010000028", "00007f00`10000028"])
def test_an_object_is_found_by_its_address_in_any_form(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["roots", "core", word, "--no-index"])
    assert "-> 0x7f0010000028  Shop.Customer[]" in capsys.readouterr().out


def test_addresses_have_no_offset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roots", "core", "7f0010000028", "--offset", "1"]) == Exit.USAGE
    assert "--offset and addresses do not go together" in capsys.readouterr().err
    assert main(["roots", "core", "7f0010000028", "--offset", "0", "--no-index"]) != Exit.USAGE


def test_what_is_no_regular_expression_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roots", "core", "Customer(", "--no-index"]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("dotdump: 'Customer(' is no regular expression: missing ), ")


def test_a_name_that_is_an_expression_of_something_else_comes_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roots", "core", "Shop(Cart)+", "--no-index"]) == Exit.FAILED
    assert "put \\ before them" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Byte[]", "Byte[][]", "Byte[,]", "Byte[*]", "Byte[][,]", "A<B[,]>[]"])
def test_brackets_behind_a_name_are_those_of_an_array(name: str) -> None:
    assert re.fullmatch(pattern(name), name)
    assert not re.search(pattern(name), "Byte<Byte, Byte>")


@pytest.mark.parametrize("text", ["[a-c]", "[]a]", r"Byte\[\]$", "Byte[a,]"])
def test_other_brackets_are_of_the_expression(text: str) -> None:
    assert pattern(text) == text


@pytest.mark.parametrize("name", ["Shop+Cart", "A+<>c", "A<B>+C[]", "A+B+C", "List<A+B>+Enumerator"])
def test_a_plus_between_names_is_that_of_a_nested_type(name: str) -> None:
    assert re.fullmatch(pattern(name), name)
    assert not re.search(pattern(name), name.replace("+", ""))


@pytest.mark.parametrize("text", [r"\w+Cart", ".+Cart", "[A-Z]+Cart", "(Big)+Cart", "Carts+", "Shop\\+Cart", r"\d+x"])
def test_another_plus_is_of_the_expression(text: str) -> None:
    assert pattern(text) == text


def test_in_what_is_matched_with_texts_every_sign_is_of_the_expression() -> None:
    parser = argparse.ArgumentParser()
    add_listing(parser, "strings", ("size",), matched="text")
    assert parser.parse_args(["--type", "to+long"]).type == "to+long"
    with pytest.raises(SystemExit):
        parser.parse_args(["--type", "a[]"])


def test_a_number_is_an_address_and_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roots", "core", "0", "--no-index"]) == Exit.FAILED
    assert "no object at 0x0" in capsys.readouterr().err
    assert main(["roots", "core", "12ab", "--no-index"]) == Exit.FAILED
    assert "no object at 0x12ab" in capsys.readouterr().err


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match=r"'\(\[\]' is no regular expression: "):
        pattern("([]")
