"""The assemblies of real processes: those that ClrMD lists, with the versions that other files of the runtime have."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from corpus import Runtime, corpus, executable, runtimes
from dotdump.cli.main import main
from peers import oracle

pytestmark = pytest.mark.live


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda runtime: runtime.version)
def test_assemblies_are_those_of_clrmd(runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = str(tmp_path / "core")
    with corpus(runtime, "all") as running:
        assert main(["collect", "-p", str(running.pid), "-o", core]) == 0
    capsys.readouterr()
    assert main(["modules", core, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    theirs = {(m["address"], m["image"], m["name"]) for m in oracle("modules", tmp_path / "core") if m["name"]}
    ours = [(a["module"], a["base"], a["path"]) for a in found["assemblies"] if a["base"]]
    assert set(ours) == theirs
    assert len(ours) == len(theirs)
    rows = {a["name"]: a for a in found["assemblies"]}
    native = next(m["version"] for m in found["modules"] if m["path"].endswith("/libcoreclr.so"))
    assert rows["System.Private.CoreLib"]["file_version"] == native
    assert rows["System.Private.CoreLib"]["version"] == ("4.0.0.0" if runtime.major < 8 else f"{runtime.major}.0.0.0")
    assert rows["Corpus"]["version"] == "1.0.0.0"
    assert Path(rows["Corpus"]["path"]).resolve() == runtime.assembly.resolve()
    assert len({UUID(row["mvid"]) for row in rows.values() if row["base"]}) == len(ours)
    assert main(["modules", core]) == 0
    assert "  System.Private.CoreLib  " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["single-file-net10", "native-aot-net10"])
def test_programs_of_one_file_have_theirs_in_it_or_none(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with corpus(executable(name), "idle") as running:
        assert main(["collect", "-p", str(running.pid), "-o", str(tmp_path / "core")]) == 0
    capsys.readouterr()
    assert main(["modules", str(tmp_path / "core"), "--format", "json"]) == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)["assemblies"]}
    assert names >= {"Corpus", "System.Private.CoreLib"} if name.startswith("single") else not names
