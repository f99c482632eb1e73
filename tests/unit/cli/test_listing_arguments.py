"""Numbers of rows on the command line."""

from __future__ import annotations

import argparse

import pytest

from dotdump.cli.listing_arguments import count, offset


def test_rows_are_counted_from_one_and_left_out_from_none() -> None:
    assert (count("1"), count("9" * 15), offset("0"), offset("7")) == (1, 10**15 - 1, 0, 7)


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "1" + "0" * 15, "9" * 5000])
def test_what_is_no_number_of_rows_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a positive number of up to 15 digits"):
        count(text)
