"""What a heap costs to read: ours beside ClrMD in one run, taken in turn, on Corpus ``bulk`` of the newest runtime.

    python bench/heap.py [--objects 20000000] [--rounds 5] [--core CORE] [--directory DIR] [--growth 1,5,20]

Every figure of ours is a process of its own, so that nothing is warm in it but the page cache; ``wall`` is of the step
alone and ``process`` of all, the interpreter included. ``private`` is the peak of anonymous memory: pages of mapped
files are the kernel's to drop. ``retained`` and ``path`` have an index. Roots are every 50,000th object: the work is
the same wherever they are. Medians. Exit code 1 where a bar is missed; on a machine that does other work too, compare
with the column of ClrMD instead.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.graph.object_graph import ObjectGraph

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "src"))

ROOT_STEP = 50_000
BARS = {"statistics": 0.8, "build": 3.0, "path": 0.15, "retained": 6.0}
WIDTHS = (9, 11, 8, 8, 12, 9, 7)
PEERS = {"statistics": "stat", "build": "graph"}


def main() -> int:
    """Print the tables; return 1 where a bar is missed."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--objects", type=int, default=20_000_000)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--core", type=Path)
    words.add_argument("--directory", type=Path)
    words.add_argument("--growth", default="")
    words.add_argument("--child", nargs=2)
    given = words.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child[0]](given.child[1])))
        return 0
    directory = Path(mkdtemp(prefix="dotdump-bench-", dir=given.directory))
    try:
        for millions in filter(None, given.growth.split(",")):
            core = make_core(directory, int(millions) * 1_000_000)
            show_growth(int(millions), core, given.rounds)
            clean(core)
        if given.growth:
            return 0
        return compare(given.core or make_core(directory, given.objects), given.rounds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_core(directory: Path, objects: int) -> Path:
    from corpus import corpus, runtimes

    runtime, core = runtimes()[-1], directory / f"bulk{objects}"
    with corpus(runtime, "bulk", objects=objects, megabytes=0, mutators=0) as running:
        command = [str(runtime.directory / "createdump"), "--full", "-f", str(core), str(running.pid)]
        subprocess.run(command, check=True, capture_output=True)
    return core


def clean(core: Path) -> None:
    shutil.rmtree(f"{core}.dotdump", ignore_errors=True)
    core.unlink()


def compare(core: Path, rounds: int) -> int:
    ours: dict[str, list[dict[str, float]]] = {name: [] for name in CHILDREN}
    theirs: dict[str, list[float]] = {name: [] for name in PEERS}
    for _ in range(rounds):
        shutil.rmtree(f"{core}.dotdump", ignore_errors=True)
        for name in CHILDREN:
            ours[name].append(run(name, core))
            if name in PEERS:
                theirs[name].append(clrmd(PEERS[name], core))
    titles = zip(("wall s", "process s", "cpu s", "M/s", "private MB", "ClrMD s", "bar s"), WIDTHS, strict=True)
    print(f"{'figure':<12}" + "".join(f"{title:>{width}}" for title, width in titles))
    kept = True
    for name, rows in ours.items():
        middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        peer = statistics.median(theirs[name]) if theirs.get(name) else 0.0
        bar = BARS.get(name, 0.0)
        kept &= not bar or middle["process"] <= bar
        print(
            f"{name:<12}{middle['wall']:>9.3f}{middle['process']:>11.3f}{middle['cpu']:>8.2f}"
            f"{middle['objects'] / middle['wall'] / 1e6:>8.1f}{middle['private']:>12.0f}{peer:>9.2f}{bar:>7.2f}"
        )
    return 0 if kept else 1


def show_growth(millions: int, core: Path, rounds: int) -> None:
    figures: dict[str, list[float]] = {name: [] for name in ("statistics", "build", "retained")}
    for _ in range(rounds):
        shutil.rmtree(f"{core}.dotdump", ignore_errors=True)
        for name, rows in figures.items():
            rows.append(run(name, core)["cpu"] / millions * 1000)
    print(millions, *(f"{name} {statistics.median(rows):.1f} ms/M" for name, rows in figures.items()), flush=True)


def run(name: str, core: Path) -> dict[str, float]:
    """Run one figure in a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--child", name, str(core)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    process = time.perf_counter() - started
    return dict(json.loads(done.stdout)) | {"process": process}


def clrmd(verb: str, core: Path) -> float:
    from peers import oracle

    started = time.perf_counter()
    oracle(verb, core, seconds=300)
    return time.perf_counter() - started


@contextmanager
def measured(figures: dict[str, float]) -> Iterator[None]:
    """Take wall and CPU seconds of a block, and the peak of anonymous memory while it ran."""
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    figures["wall"], figures["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
    ended.set()
    watcher.join()
    figures["private"] = max(peak[0], anonymous())


def anonymous() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def child_statistics(core: str) -> dict[str, float]:
    import dotdump
    from dotdump.clr.contracts.type_totals import TypeTotals

    figures: dict[str, float] = {}
    with dotdump.open_core(core) as target:
        heap = dotdump.ClrRuntime.of(target).heap
        with measured(figures):
            figures["objects"] = heap.walk().run(TypeTotals(heap.types))
    return figures


def child_build(core: str) -> dict[str, float]:
    import dotdump
    from dotdump.clr.graph.index_folder import index_folder

    figures: dict[str, float] = {}
    with dotdump.open_core(core) as target:
        heap = dotdump.ClrRuntime.of(target).heap
        with measured(figures):
            figures["objects"] = len(heap.graph(index_folder(core)))
    return figures


def _rooted(core: str) -> ObjectGraph:
    """Return the graph with the roots of the program: from any others it is a matter of luck what is reached."""
    import dotdump
    from dotdump.clr.graph.index_folder import index_folder

    with dotdump.open_core(core) as target:
        return dotdump.ClrRuntime.of(target).rooted_graph(index_folder(core)).graph


def _loaded(core: str) -> ObjectGraph:
    """Return the graph with roots of our own, which are the same for every step."""
    from dotdump.clr.graph.index_folder import index_folder
    from dotdump.clr.graph.saved_graph import load_graph

    graph = load_graph(index_folder(core))
    assert graph is not None
    return graph.with_roots(graph.addresses[row] for row in range(0, len(graph), ROOT_STEP))


def child_retained(core: str) -> dict[str, float]:
    from dotdump.clr.graph.index_folder import index_folder
    from dotdump.clr.graph.saved_parts import DOMINATORS, WAYS, ensure

    figures: dict[str, float] = {}
    graph = _rooted(core)
    with measured(figures):
        figures["objects"] = len(graph.retained_sizes())
    fresh = _loaded(core)
    for part in (WAYS, DOMINATORS):
        ensure(fresh, part, index_folder(core))
    return figures


def child_path(core: str) -> dict[str, float]:
    from dotdump.clr.graph.index_folder import index_folder
    from dotdump.clr.graph.saved_parts import WAYS, ensure

    figures: dict[str, float] = {"objects": 1}
    with measured(figures):
        graph = _loaded(core)
        ensure(graph, WAYS, index_folder(core))
        graph.path_to_root(ROOT_STEP + 1)
    return figures


CHILDREN: dict[str, Callable[[str], dict[str, float]]] = {
    "statistics": child_statistics,
    "build": child_build,
    "retained": child_retained,
    "path": child_path,
}

if __name__ == "__main__":
    sys.exit(main())
