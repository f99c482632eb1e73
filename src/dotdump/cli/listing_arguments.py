"""The arguments of every command that prints rows: which of them, in what order, how many."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from dotdump.report.listing import Choice


_DIGITS = 15
"""Of a number of rows: there are fewer bytes of memory to keep as many."""
_NESTED = re.compile(r"(?<=[\w>])(?<!\\\w)\+(?=[\w<])")
"""The sign between a type and one nested in it: behind a plain letter, before another name."""
_ARRAY = re.compile(r"(?<=[\w>\]*&)])\[(?:,*|\*)\]")
"""Brackets behind a name. As sets of characters these are empty, or are written without brackets."""


def add_listing(
    parser: ArgumentParser, rows: str, sorts: Sequence[str], *, matched: str = "type", unsorted: str = ""
) -> None:
    """Add ``--type``, ``--sort``, ``--limit``, ``--offset``; see ``add_order`` and ``add_page``."""
    add_order(parser, rows, sorts, matched=matched, unsorted=unsorted)
    add_page(parser, rows)


def add_order(
    parser: ArgumentParser, rows: str, sorts: Sequence[str], *, matched: str = "type", unsorted: str = ""
) -> None:
    """Add ``--type`` and ``--sort``.

    The first of ``sorts`` is the default, or none where ``unsorted`` says in words what order rows have by themselves.
    """
    kind = text_pattern if matched == "text" else pattern
    parser.add_argument("--type", metavar="REGEX", type=kind, help=f"only {rows} whose {matched} matches")
    default = None if unsorted else sorts[0]
    parser.add_argument("--sort", choices=list(sorts), default=default, help=f"default: {unsorted or default}")


def add_page(parser: ArgumentParser, rows: str, most: str = "") -> None:
    """Add ``--limit`` and ``--offset``; ``most`` says how many rows are shown by default, where these are not all."""
    default = f"; default: {most}" if most else ""
    parser.add_argument("--limit", metavar="N", type=count, help=f"at most N {rows}{default}")
    parser.add_argument("--offset", metavar="N", type=offset, default=0, help=f"leave out the first N {rows}")


def choice_of(arguments: Namespace) -> Choice:
    """Return what those arguments say."""
    from dotdump.report.listing import Choice

    return Choice(arguments.type, arguments.sort or "", arguments.limit, arguments.offset)


def pattern(text: str) -> str:
    """Take an argument that has to be a regular expression of names, as ``expression`` understands it."""
    found, refusal = expression(text)
    return _accepted(found, refusal)


def text_pattern(text: str) -> str:
    """Take an argument that has to be a regular expression of texts."""
    return _accepted(text, _refusal(text))


def expression(text: str) -> tuple[str, str]:
    """Return the regular expression of type names that a text is, and why it is none, or nothing.

    The brackets of an array's name and the plus of a nested type's stand for themselves.
    """
    escaped = _NESTED.sub(r"\+", _ARRAY.sub(lambda brackets: re.escape(brackets[0]), text))
    return escaped, _refusal(escaped, text)


def _accepted(found: str, refusal: str) -> str:
    if refusal:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(refusal)
    return found


def _refusal(pattern: str, told: str = "") -> str:
    """Return why a pattern, written as ``told``, is no regular expression, or nothing."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{(told or pattern)!r} is no regular expression: {error}"
    return ""


def offset(text: str) -> int:
    """Convert an argument to a number of rows to leave out, which may be none."""
    return 0 if text == "0" else count(text)


def count(text: str) -> int:
    """Convert an argument to a number of rows."""
    if not text.isdecimal() or len(text) > _DIGITS or int(text) == 0:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is not a positive number of up to {_DIGITS} digits")
    return int(text)
