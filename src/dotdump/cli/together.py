"""Options that do not go together: said before anything is opened, for none is to be dropped without a word."""

from __future__ import annotations

from dotdump.cli.registry import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from dotdump.cli.console import Console


def given(arguments: Namespace, *names: str) -> list[str]:
    """Return the options among ``names`` that the command line has, as they are written there."""
    return [f"--{name}" for name in names if _is_given(getattr(arguments, name.replace("-", "_")))]


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != []


def not_together(console: Console, option: str, others: Sequence[str]) -> int:
    """Say that an option and others do not go together; return the exit code."""
    console.error(f"{option} and {', '.join(others)} do not go together", "see --help")
    return Exit.USAGE
