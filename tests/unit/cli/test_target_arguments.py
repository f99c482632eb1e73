"""Options that say where files are, for a process that has its own."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from dotdump.cli.console import Console
from dotdump.cli.target_arguments import add_target, open_target


@pytest.mark.parametrize("options", [[], ["--sysroot", "/images/app"]])
def test_a_sysroot_is_not_dropped_without_a_word(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = nullcontext()
    twin.pause, twin.problems = 0.0, ()  # type: ignore[attr-defined]
    moment = nullcontext(SimpleNamespace(moment=None))
    monkeypatch.setattr("dotdump.dump.gc_moment.GcMoment", lambda *_: moment)
    monkeypatch.setattr("dotdump.target.snapshot.open_snapshot", lambda *_, **__: twin)
    parser = ArgumentParser()
    add_target(parser)
    with open_target(parser.parse_args(["-p", "4711", *options]), Console()):
        assert ("--sysroot is for cores" in capsys.readouterr().err) is bool(options)
