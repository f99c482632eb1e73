import io

import pytest

from dotdump.cli.answer import print_answer, tell_damage
from dotdump.cli.console import Console
from dotdump.cli.registry import Exit
from dotdump.target.model import Problem


@pytest.mark.parametrize(("count", "told", "more"), [(0, 0, ""), (10, 10, ""), (1511, 10, "1,501 problems more")])
def test_of_many_problems_the_first_are_told_and_how_many_more_there_are(count: int, told: int, more: str) -> None:
    stderr = io.StringIO()
    problems = [Problem("heap", f"problem {number}") for number in range(count)]
    status = tell_damage(problems, Console(stderr=stderr))
    lines = stderr.getvalue().splitlines()
    assert lines[:told] == [f"dotdump: warning: problem {number}" for number in range(told)]
    assert [more in line for line in lines[told:]] == ([True] if more else [])
    assert status == (Exit.PROBLEMS if count else Exit.DONE)


def test_what_an_error_or_a_warning_names_is_shown_without_control_characters() -> None:
    stderr = io.StringIO()
    console = Console(stderr=stderr)
    console.error("cannot read \x1b[31mred\nand more", hint="see \x07")
    console.warning("thread \x9b2J sleeps")
    console.note("dotdump: \udc9b \udcff")
    assert stderr.getvalue().splitlines() == [
        r"dotdump: cannot read \x1b[31mred\nand more",
        r"  hint: see \x07",
        r"dotdump: warning: thread \x9b2J sleeps",
        "dotdump: \\x9b \udcff",
    ]


def test_no_line_of_an_answer_has_control_characters() -> None:
    stdout = io.StringIO()
    print_answer(
        Console(stdout=stdout), "dotdump/x/1", None, lambda _: "TYPE  COUNT\n\n3 objects (CoreCLR 8.0.4\x1b[31m)"
    )
    assert stdout.getvalue() == "TYPE  COUNT\n\n3 objects (CoreCLR 8.0.4\\x1b[31m)\n"
