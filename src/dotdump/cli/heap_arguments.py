"""The arguments of commands that may look at a part of the heap: at some generations, at what lives or does not."""

from __future__ import annotations

from dotdump.analysis.statistics import GENERATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_generation(parser: ArgumentParser) -> None:
    """Add ``--generation``."""
    parser.add_argument(
        "--generation",
        action="append",
        choices=GENERATIONS,
        default=[],
        help="only objects of this generation, or of the large, pinned or frozen objects; may be repeated",
    )


def add_life(parser: ArgumentParser) -> None:
    """Add ``--live`` and ``--dead``, which exclude each other."""
    lives = parser.add_mutually_exclusive_group()
    lives.add_argument("--live", action="store_true", help="only objects that roots reach")
    lives.add_argument("--dead", action="store_true", help="only objects that wait to be collected")
