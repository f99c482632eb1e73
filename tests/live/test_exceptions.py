"""Exceptions of real processes, as the command prints them, against ClrMD and what the program did."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from corpus import Runtime, corpus, runtimes
from dotdump.cli.main import main
from peers import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("exceptions")]

OUTER, INNER = "Corpus.OrderNotFoundException", "System.InvalidOperationException"


class Dump(NamedTuple):
    """Cores of one process."""

    full: Path
    mini: Path
    mini_has_metadata: bool
    keeps_handlers: bool
    """From 9 on a handler that an exception leaves stays on the stack until that one has been handled."""

    def exceptions(self, *words: str, core: Path | None = None, code: int = 0) -> dict[str, Any]:
        """Return what the command says, by type."""
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as said:
            done = main(["exceptions", str(core or self.full), *words, "--format", "json"])
        assert done == code, said.getvalue()
        found: dict[str, Any] = json.loads(out.getvalue())
        return found


@pytest.fixture(scope="module", params=runtimes(), ids=lambda runtime: runtime.version)
def dump(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dump]:
    runtime: Runtime = request.param
    folder = tmp_path_factory.mktemp("exceptions")
    found = Dump(folder / "full", folder / "mini", runtime.major >= 8, runtime.major >= 9)
    with corpus(runtime, "all") as running:
        for option, path in (("--full", found.full), ("--normal", found.mini)):
            command = [str(runtime.directory / "createdump"), option, "-f", str(path), str(running.pid)]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
    yield found
    found.full.unlink()
    found.mini.unlink()


def test_every_exception_is_that_of_clrmd(dump: Dump) -> None:
    ours = [
        {
            "address": row["address"],
            "type": row["type"],
            "message": row["message"],
            "hresult": row["hresult"],
            "inner": row["inner_type"],
            "stack": [frame["method"] for frame in row["stack"]],
        }
        for row in dump.exceptions()["exceptions"]
    ]
    assert len(ours) >= 6
    assert ours == oracle("exceptions", dump.full)


def test_who_has_an_exception_is_told(dump: Dump) -> None:
    rows = {row["type"]: row for row in dump.exceptions("--held")["exceptions"]}
    assert set(rows) == {OUTER, INNER, "System.ApplicationException"}
    (thread,) = rows[OUTER]["held_by"]
    assert (thread["kind"], thread["how"], thread["name"]) == ("thread", "current", "in-catch")
    if dump.keeps_handlers:
        assert [(held["how"], held["name"]) for held in rows[INNER]["held_by"]] == [("nested", "in-catch")]
    (task,) = rows["System.ApplicationException"]["held_by"]
    assert (task["kind"], task["how"], task["name"]) == ("task", "faulted", "System.Threading.Tasks.Task")
    assert rows[OUTER]["inners"] == [rows[INNER]["address"]]


def test_live_ones_are_those_that_a_root_leads_to(dump: Dump) -> None:
    live = {row["type"] for row in dump.exceptions("--live", "--no-index")["exceptions"]}
    assert live >= {OUTER, INNER, "System.ApplicationException", "System.OutOfMemoryException"}


def test_a_mini_dump_has_the_exceptions_of_threads(dump: Dump) -> None:
    """Of the heap it has little more, and in 3.1 no metadata, so that nothing has a name; what is missing is said."""
    found = dump.exceptions("--held", core=dump.mini, code=3)
    assert found["problems"]
    if not dump.mini_has_metadata:
        return
    rows = {row["type"]: row for row in found["exceptions"]}
    assert rows[OUTER]["message"] == "order 4711 was not found"
    assert [frame["method"] for frame in rows[OUTER]["stack"]] == [
        "Corpus.ThreadScenario.FindOrder(Int32)",
        "Corpus.ThreadScenario.ParkInsideCatch()",
    ]
    assert rows[OUTER]["inner_type"] == INNER
