"""Options that say where files are, for a process that has its own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dotdump.cli.console import Console
from dotdump.cli.target_arguments import add_target, open_target
from dotdump.errors import SnapshotRefused

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("options", [[], ["--sysroot", "/images/app"]])
def test_a_sysroot_is_not_dropped_without_a_word(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = nullcontext()
    twin.pause, twin.problems = 0.0, ()  # type: ignore[attr-defined] # a bare stand-in
    _snapshots_are(lambda *_, **__: twin, monkeypatch)
    with open_target(_arguments(*options), Console()):
        assert ("--sysroot is for cores" in capsys.readouterr().err) is bool(options)


def test_a_process_that_cannot_be_forked_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SnapshotRefused("process 4711 could not be forked")

    _snapshots_are(refuse, monkeypatch)
    with pytest.raises(SnapshotRefused) as refused, open_target(_arguments(), Console()):
        pass
    assert str(refused.value.hint).startswith("dotdump collect can dump it")


def _snapshots_are(opened: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    moment = nullcontext(SimpleNamespace(moment=None))
    monkeypatch.setattr("dotdump.dump.gc_moment.GcMoment", lambda *_: moment)
    monkeypatch.setattr("dotdump.target.snapshot.open_snapshot", opened)


def _arguments(*options: str) -> Namespace:
    parser = ArgumentParser()
    add_target(parser)
    return parser.parse_args(["-p", "4711", *options])
