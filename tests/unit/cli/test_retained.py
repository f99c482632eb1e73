"""Which rows ``retained`` prints: what the command line asks of them, or what does not go together."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from builders.heaps import FakeHeap
from builders.roots import add_handles
from dotdump.cli.main import main
from dotdump.cli.registry import Exit
from dotdump.clr.contracts.handles import HandleKind
from dotdump.clr.model.runtime import ClrRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builders.clr import FakeTarget


@pytest.fixture(autouse=True)
def heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three objects by strong handles: Ant of 64 bytes, Bee of 128, Cow of 192."""
    fake, names = FakeHeap(), {}
    region = fake.add_region(2)
    addresses = []
    for number, name in enumerate(("Ant", "Bee", "Cow"), 1):
        kind = fake.add_type(64 * number)
        names[kind.method_table] = name
        addresses.append(region.start + 8 * len(region.words))
        region.words += [kind.method_table, *[0] * (8 * number - 1)]
    add_handles(fake, (HandleKind.STRONG, addresses, []))

    @contextmanager
    def opened(*_: object) -> Iterator[FakeTarget]:
        yield fake.target()

    monkeypatch.setattr("dotdump.cli.rooted.open_target", opened)
    monkeypatch.setattr(ClrRuntime, "type_name", lambda _, table: names.get(table, "?"))


def suspects(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    main(["retained", "core", "--no-index", "--format", "json", *options])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return [suspect["name"] for suspect in found["suspects"]]


def test_suspects_are_chosen_sorted_and_limited(capsys: pytest.CaptureFixture[str]) -> None:
    assert suspects(capsys) == ["Cow", "Bee", "Ant"]
    assert suspects(capsys, "--limit", "1") == ["Cow"]
    assert suspects(capsys, "--offset", "1", "--limit", "1") == ["Bee"]
    assert suspects(capsys, "--type", "A|B") == ["Bee", "Ant"]
    assert suspects(capsys, "--sort", "name") == ["Ant", "Bee", "Cow"]
    assert suspects(capsys, "--share", "40") == ["Cow"]


@pytest.mark.parametrize(("pattern", "rows"), [("^strong handle$", 1), ("StrongHandle", 1), ("static", 0)])
def test_roots_are_found_by_what_their_rows_read_and_by_their_kind(
    pattern: str, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["retained", "core", "--no-index", "--format", "json", "--by", "root", "--type", pattern])
    assert len(json.loads(capsys.readouterr().out)["roots"]) == rows


def test_no_suspect_of_a_type_is_not_the_same_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    main(["retained", "core", "--no-index", "--type", "Dog"])
    assert "none of 3 suspects is of that kind" in capsys.readouterr().out
    main(["retained", "core", "--no-index", "--share", "90"])
    assert "nothing retains 90% of what lives" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--sort size", "--sort size and leak suspects"),
        ("--by root --sort size", "--sort size and --by"),
        ("--by object --sort name", "--sort name and --by"),
        ("--of 7f0010000028 --sort count", "--sort count and --of"),
        ("--by type --share 20", "--share and --by"),
        ("--of 0 --share 20", "--share and --of"),
    ],
)
def test_what_rows_have_not_is_refused(options: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retained", "core", *options.split()]) == Exit.USAGE
    assert f"{said} do not go together" in capsys.readouterr().err


def test_suspects_keep_their_numbers_where_the_first_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    main(["retained", "core", "--no-index", "--offset", "1"])
    assert [line[:2] for line in capsys.readouterr().out.splitlines() if " bytes: " in line] == ["2.", "3."]
