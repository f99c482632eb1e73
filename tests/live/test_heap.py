import json
import subprocess
from pathlib import Path

import pytest

from corpus import Runtime, corpus, executable, runtimes
from dotdump import open_core
from dotdump.analysis.statistics import HeapStatistics, heap_statistics
from dotdump.cli.main import main
from dotdump.clr.model.runtime import ClrRuntime
from peers import oracle

pytestmark = pytest.mark.live

COLLECTORS: dict[str, dict[str, str]] = {
    "workstation": {},
    "server": {"COMPlus_gcServer": "1", "COMPlus_GCHeapCount": "2"},
    "standalone": {"DOTNET_GCName": "libclrgc.so"},
}


def dump(pid: int, runtime: Runtime, path: Path) -> None:
    subprocess.run([runtime.directory / "createdump", "--full", "-f", path, str(pid)], check=True, capture_output=True)


def statistics_of(path: Path) -> HeapStatistics:
    with open_core(str(path)) as target:
        return heap_statistics(ClrRuntime.of(target))


def assert_facts(found: HeapStatistics, facts: dict[str, object]) -> None:
    counts = {row.name: row.count for row in found.types}
    for fact, value in facts.items():
        kind, _, name = fact.partition(":")
        if kind == "count":
            assert counts.get(name) == value, name


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("runtime", runtimes(), ids=lambda r: r.version)
def test_the_heap_holds_what_the_program_says_it_holds(runtime: Runtime, collector: str, tmp_path: Path) -> None:
    if collector == "standalone" and not (runtime.directory / "libclrgc.so").exists():
        assert runtime.major < 8
        return
    core = tmp_path / "core"
    with corpus(runtime, "heap", environment=COLLECTORS[collector]) as running:
        dump(running.pid, runtime, core)
    found = statistics_of(core)
    assert found.walkable
    assert found.problems == ()
    assert found.server is (collector == "server")
    assert not [row.name for row in found.types if row.name.startswith("<")]
    assert_facts(found, running.facts)


@pytest.mark.parametrize("runtime", [r for r in runtimes() if r.major >= 9], ids=lambda r: r.version)
def test_counts_names_and_sizes_are_those_that_clrmd_sees(runtime: Runtime, tmp_path: Path) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "all") as running:
        dump(running.pid, runtime, core)
    theirs = {
        int(row[0], 16): (row[1].replace("Int64<*>", "Int64[*]"), row[2], row[3])  # their spelling of long[*]
        for row in oracle("stat", core)["types"]
    }
    ours = {int(row.method_table, 16): (row.name, row.count, row.size) for row in statistics_of(core).types}
    assert {table: row[:2] for table, row in ours.items()} == {table: row[:2] for table, row in theirs.items()}
    for table, (name, count, size) in ours.items():  # theirs are lengths, ours what objects take, in steps of 8
        assert 0 <= size - theirs[table][2] < 8 * count, name


def test_a_single_file_program_without_any_dac_is_read_alike(tmp_path: Path) -> None:
    for program in [executable(f"single-file-net{major}") for major in (8, 10)]:
        core = tmp_path / program.parent.name
        with corpus(program, "heap") as running:
            assert main(["collect", "-p", str(running.pid), "-o", str(core)]) == 0
        found = statistics_of(core)
        assert found.problems == ()
        assert_facts(found, running.facts)


def test_the_command_answers_in_text_json_and_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = tmp_path / "core"
    runtime = runtimes()[-1]
    with corpus(runtime, "heap") as running:
        dump(running.pid, runtime, core)
    assert main(["heap", str(core), "--type", r"^Corpus\.Node$"]) == 0
    assert "Corpus.Node" in capsys.readouterr().out
    assert main(["heap", str(core), "--format", "json", "--limit", "5", "--sort", "count"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "dotdump/heap/1"
    assert [row["count"] for row in answer["types"]] == sorted((r["count"] for r in answer["types"]), reverse=True)
    assert answer["objects"] > 100_000
    assert main(["heap", str(core), "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith(
        "method_table,name,module,count,size,gen0,gen1,gen2,large,pinned,frozen\n"
    )


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda r: r.version)
def test_a_process_that_runs_is_counted_as_its_core_is(
    runtime: Runtime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core = tmp_path / "core"
    with corpus(runtime, "heap") as running:
        assert main(["heap", "-p", str(running.pid), "--format", "json"]) == 0
        live = json.loads(capsys.readouterr().out)
        dump(running.pid, runtime, core)
        assert float(running.pause_ms()) >= 0
    answers = []
    for words in ([], [], ["--no-index"]):
        assert main(["heap", str(core), "--format", "json", *words]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1] == answers[2]
    counts = {row["name"]: row["count"] for row in live["types"] if row["name"].startswith("Corpus.")}
    assert counts == {row["name"]: row["count"] for row in answers[0]["types"] if row["name"].startswith("Corpus.")}
    assert {row["module"] for row in live["types"] if row["name"].startswith("Corpus.")} == {"Corpus.dll"}
    assert Path(f"{core}.dotdump/statistics").exists()
