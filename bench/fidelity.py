"""Our answers about the managed heap beside ClrMD's, thing by thing: the table of docs/fidelity.md.

    python bench/fidelity.py [--runtime 10] [--collector server] [--dump snapshot] [--directory DIR]

Corpus ``all`` on every runtime there is, with each collector it has; of each process four cores: createdump's Full and
Heap, and ours of the stopped process and of a snapshot. Then programs of one file, of which Corpus' own facts are the
witness, and the recorded answers about an arm64 core. Exit code 1 where anything is different that is not explained.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "src"))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from corpus import Corpus, Runtime
    from heap_witness import Comparison, Witness

SERVER = {"DOTNET_gcServer": "1", "DOTNET_GCHeapCount": "2", "COMPlus_gcServer": "1", "COMPlus_GCHeapCount": "2"}
COLLECTORS: dict[str, dict[str, str]] = {
    "workstation": {},
    "server": SERVER,
    "standalone": {"DOTNET_GCName": "libclrgc.so"},
}
KINDS = ("objects", "type names", "fields", "references", "handles", "finalizers", "roots", "segments", "statics")
ARM64 = "coreclr-10.0.12-arm64-all"


@dataclass(frozen=True)
class Case:
    """One core: of which ``runtime``, with which ``collector``, written as ``dump`` says."""

    runtime: str
    collector: str
    dump: str


def main() -> int:
    """Print a row for each core; return 1 where something is different."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--runtime", help="only runtimes whose version begins with this, or arm64, single-file, native")
    words.add_argument("--collector", choices=list(COLLECTORS))
    words.add_argument("--dump", choices=list(DUMPS))
    words.add_argument(
        "--by-object", action="store_true", help="ask for fields before 9 object by object: it takes long"
    )
    words.add_argument("--directory", type=Path, help="where cores are put for as long as they are looked at")
    given = words.parse_args()
    directory = Path(mkdtemp(prefix="dotdump-fidelity-", dir=given.directory))
    print("| runtime | collector | core |", " | ".join(KINDS), "|")
    print("|---|---|---|", "---|" * len(KINDS), sep="")
    try:
        good = [_print(case, found) for case, found in _cases(given, directory)]
    finally:
        shutil.rmtree(directory)
    return 0 if all(good) and good else 1


def _cases(given: argparse.Namespace, directory: Path) -> Iterator[tuple[Case, list[Comparison]]]:
    from corpus import executables, runtimes

    for runtime in runtimes():
        if runtime.version.startswith(given.runtime or ""):
            yield from _of_runtime(given, directory, runtime)
    for name, program in executables().items():
        if "musl" not in name and (not given.runtime or name.startswith(given.runtime)):
            yield from _of_program(directory, name, program)
    if not given.runtime or given.runtime == "arm64":
        yield from _of_arm64()


def _of_runtime(
    given: argparse.Namespace, directory: Path, runtime: Runtime
) -> Iterator[tuple[Case, list[Comparison]]]:
    from corpus import corpus

    for collector, environment in COLLECTORS.items():
        if given.collector not in (None, collector):
            continue
        if collector == "standalone" and not (runtime.directory / "libclrgc.so").exists():
            continue
        with corpus(runtime, "all", environment=environment) as running:
            for dump, write in DUMPS.items():
                if given.dump not in (None, dump):
                    continue
                core = directory / "core"
                write(runtime, running, core)
                yield Case(runtime.version, collector, dump), _compare(runtime, core, by_object=given.by_object)
                core.unlink()


def _compare(runtime: Runtime, core: Path, *, by_object: bool) -> list[Comparison]:
    """Compare everything that ClrMD can be asked: of runtimes before 9 no statics, and fields only by object."""
    import dotdump
    import heap_witness
    from peers import oracle

    chosen: list[Callable[[Any, Witness], Comparison]] = list(heap_witness.COMPARISONS)
    if runtime.major < 9:
        chosen.remove(heap_witness.compare_fields)
        chosen.remove(heap_witness.compare_statics)
        if by_object:
            chosen.append(heap_witness.compare_fields_by_object)
    witness = cache(partial(oracle, core=core, seconds=600))
    with dotdump.open_core(core) as target:
        clr = dotdump.ClrRuntime.of(target)
        found = [compare(clr, witness) for compare in chosen]
        problems = (*clr.heap.graph().problems, *clr.rooted_graph().problems)
    return [*found, heap_witness.Comparison("problems", 0, tuple(problem.message for problem in problems))]


def _createdump(kind: str, runtime: Runtime, running: Corpus, core: Path) -> None:
    command = [str(runtime.directory / "createdump"), kind, "-f", str(core), str(running.pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _collect(method: str, _runtime: Runtime, running: Corpus, core: Path) -> None:
    command = [sys.executable, "-m", "dotdump", "collect", "-p", str(running.pid), "--method", method, "-o", str(core)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


DUMPS = {
    "createdump Full": partial(_createdump, "--full"),
    "createdump Heap": partial(_createdump, "--withheap"),
    "ours, stopped": partial(_collect, "ptrace"),
    "ours, snapshot": partial(_collect, "snapshot"),
}


def _of_program(directory: Path, name: str, program: Path) -> Iterator[tuple[Case, list[Comparison]]]:
    """Compare a program that no DAC reads with what it says of itself."""
    import dotdump
    from corpus import corpus

    core = directory / "core"
    with corpus(program, "all") as running:
        _collect("ptrace", None, running, core)  # type: ignore[arg-type] # none is needed for this method
        facts = running.facts
    with dotdump.open_core(core) as target:
        found = _facts_beside(dotdump.ClrRuntime.of(target), facts)
    core.unlink()
    yield Case(name, "workstation", "ours, stopped"), found


def _facts_beside(clr: Any, facts: dict[str, Any]) -> list[Comparison]:  # noqa: ANN401 - a runtime, imported late
    from collections import Counter

    from heap_witness import Comparison

    graph, expected = clr.heap.graph(), {k.partition(":")[2]: v for k, v in facts.items() if k.startswith("count:")}
    names = [clr.type_name(shape.method_table) for shape in graph.types]
    counts = Counter(names[kind] for kind in graph.type_ids)
    wrong = [f"{name}: {counts[name]}, not {count}" for name, count in expected.items() if counts[name] != count]
    unnamed = [name for name in names if name.startswith("<type")]
    loose = [f"{graph.dangling} lead to no object"] if graph.dangling else []
    problems = [problem.message for problem in (*graph.problems, *clr.rooted_graph().problems)]
    finalizers = sum(
        clr.type_name(clr.heap.object(f.target).method_table) == "Corpus.Finalizable" for f in clr.finalizable_objects()
    )
    finalizable = expected["Corpus.Finalizable"]
    return [
        Comparison("objects", sum(expected.values()), tuple(wrong)),
        Comparison("type names", len(names), tuple(unnamed)),
        Comparison("references", graph.edge_count, tuple(loose)),
        Comparison("finalizers", finalizable, () if finalizers == finalizable else (f"{finalizers} Finalizable",)),
        Comparison("handles", len(clr.handles()), tuple(_no_objects(clr))),
        Comparison("problems", 0, tuple(problems)),
    ]


def _no_objects(clr: Any) -> Iterator[str]:  # noqa: ANN401 - a runtime, imported late
    from dotdump.errors import InvalidObject

    for handle in clr.handles():
        try:
            clr.heap.object(handle.target)
        except InvalidObject as error:
            yield str(error)


def _of_arm64() -> Iterator[tuple[Case, list[Comparison]]]:
    """Compare the arm64 core with what ClrMD said of it on arm64."""
    import os
    import warnings

    import dotdump
    import heap_witness

    folder = Path(os.environ.get("DOTDUMP_TEST_CORES", "/nonexistent"))
    path = folder / f"{ARM64}.core.zst"
    if not path.exists():
        print("the arm64 core is not here: DOTDUMP_TEST_CORES", file=sys.stderr)
        return
    with warnings.catch_warnings(action="ignore"), dotdump.open_core(path) as target:
        clr = dotdump.ClrRuntime.of(target)
        found = [compare(clr, partial(_recorded, folder / ARM64)) for compare in heap_witness.COMPARISONS]
    yield Case("10.0.12 on arm64", "workstation", "of the kernel's kind"), found


def _recorded(folder: Path, verb: str) -> Any:  # noqa: ANN401 - whatever was recorded
    from backports import zstd

    lines = verb in ("objects", "edges", "types")
    with zstd.open(folder / f"{verb}.{'txt' if lines else 'json'}.zst", "rt") as file:
        return file.read().splitlines() if lines else json.load(file)


def _print(case: Case, found: Sequence[Comparison]) -> bool:
    """Print a row, and what is different on stderr; return whether nothing is."""
    cells = {
        one.kind: f"{one.count:,}" + (f" **{len(one.different)} differ**" if one.different else "") for one in found
    }
    row = [case.runtime, case.collector, case.dump, *(cells.get(kind, "") for kind in KINDS)]
    print("|", " | ".join(row), "|", flush=True)
    for one in found:
        for text in one.different[:5]:
            print(f"{time.strftime('%H:%M:%S')} {case}: {one.kind}: {text}", file=sys.stderr, flush=True)
    return all(one.equal for one in found)


if __name__ == "__main__":
    sys.exit(main())
