"""Cores that are cut or have false numbers, given to the commands that read one: an answer or our error, bounded.

Bounds of one command: 2 s of CPU, and memory of three times what it read plus 64 MB.
"""

import io
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType

import pytest

from corpus import Runtime, corpus, runtimes
from dotdump import open_core
from dotdump.cli.main import main
from faults.dumper import collect_command
from faults.ledger import Ledger
from native import native

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]

PAGE = 4096
SECONDS = 2.0
HANGS_AFTER = 60
OVERHEAD = 64 << 20
COMMANDS = (["info"], ["threads"], ["modules"], ["verify"], ["stacks", "--native"])
MANAGED = (["info"], ["threads"], ["modules"], ["verify"], ["heap"])
FALSE_NUMBERS = (0, 1, 2**16 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A core of a C program with four threads."""
    path = tmp_path_factory.mktemp("small") / "core"
    with native("threads", "3") as target:
        assert said(collect_command(target.pid, path, "ptrace"))[0] == 0
    return path


@pytest.fixture(scope="module")
def compressed(small: Path) -> Path:
    path = small.with_name("core.zst")
    assert said(["convert", str(small), str(path)])[0] == 0
    return path


def said(words: list[str]) -> tuple[int, str]:
    """Run a command here and return its exit code and what it said on stderr; what escapes from it is a crash."""
    errors = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(errors), patience(" ".join(words)):
        try:
            return main(words), errors.getvalue()
        except Exception as error:
            raise AssertionError(f"{' '.join(words)}: {type(error).__name__}: {error}") from error


@contextmanager
def patience(what: str) -> Iterator[None]:
    def give_up(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"{what}: hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANGS_AFTER)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def kilobytes(file: str, name: str) -> int:
    """Return a number of /proc/self/FILE."""
    lines = Path(f"/proc/self/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def bounded(words: list[str]) -> int:
    """Run a command; fail where it takes too long or too much memory, or ends as no command of ours does."""
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    resident, read, begun = kilobytes("status", "VmRSS"), kilobytes("io", "rchar"), time.process_time()
    code, errors = said(words)
    seconds = time.process_time() - begun
    grown = (kilobytes("status", "VmHWM") - resident) << 10
    read = kilobytes("io", "rchar") - read
    assert code in (0, 1, 3), f"{words}: exit code {code}: {errors}"
    assert seconds < SECONDS, f"{words}: {seconds:.1f} s"
    assert grown <= 3 * read + OVERHEAD, f"{words}: {grown >> 20} MB for {read >> 20} MB read"
    return code


def answers(core: Path, commands: tuple[list[str], ...]) -> str:
    """Give a damaged core to every command; return how many answered and how many refused."""
    codes = [bounded([command[0], str(core), *command[1:]]) for command in commands]
    return "all refuse" if set(codes) == {1} else "some answer" if 1 in codes else "all answer"


def head_size(core: Path) -> int:
    """Return where the memory of a core begins: before that are its headers and notes."""
    with open_core(str(core)) as target:
        return min(segment.offset for segment in target.file.loads if segment.filesz)


def test_a_core_cut_at_every_page_is_read_as_far_as_it_goes(small: Path, tmp_path: Path) -> None:
    _cut(small, tmp_path, range(0, small.stat().st_size, PAGE), "cut-small", COMMANDS)


@pytest.mark.parametrize("runtime", [*runtimes()[-1:]], ids=lambda r: r.version)
def test_a_large_core_cut_anywhere_is_read_as_far_as_it_goes(runtime: Runtime, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with corpus(runtime, "idle") as target:
        assert said(collect_command(target.pid, whole, "ptrace"))[0] == 0
    size = whole.stat().st_size
    _cut(whole, tmp_path, [size * part // 1000 for part in range(1000)], "cut-large", MANAGED)


def _cut(whole: Path, directory: Path, sizes: range | list[int], name: str, commands: tuple[list[str], ...]) -> None:
    ledger = Ledger(name, full=len(sizes), sample=5)
    core = directory / "cut"
    order = random.Random(0).sample(sizes, len(sizes))

    def trial(number: int) -> str:
        with whole.open("rb") as source, core.open("wb") as cut:
            os.sendfile(cut.fileno(), source.fileno(), 0, order[number])
        return answers(core, commands)

    ledger.run(trial)
    ledger.allow(0)


def test_mutated_headers_and_notes_break_nothing(small: Path, tmp_path: Path) -> None:
    size = head_size(small)
    _mutate(small, tmp_path, "mutated-heads", 16_000, lambda chance: chance.randrange(size))


def test_mutated_compressed_cores_break_nothing(compressed: Path, tmp_path: Path) -> None:
    size = compressed.stat().st_size
    ends = min(size // 2, 8192)
    _mutate(compressed, tmp_path, "mutated-compressed", 3_000, lambda chance: chance.randrange(-ends, ends) % size)


def _mutate(whole: Path, directory: Path, name: str, full: int, place: Callable[[random.Random], int]) -> None:
    ledger = Ledger(name, full=full, sample=15)
    data = whole.read_bytes()
    core = directory / whole.name
    core.write_bytes(data)

    def trial(number: int) -> str:
        chance = random.Random(number * 10007)
        changed = []
        with core.open("r+b", buffering=0) as file:
            for _ in range(chance.randint(1, 6)):
                position, new = mutation(chance, place(chance))
                new = new[: len(data) - position]
                os.pwrite(file.fileno(), new, position)
                changed.append((position, len(new)))
            try:
                return answers(core, COMMANDS)
            except AssertionError as error:
                raise AssertionError(f"{changed}: {error}") from error
            finally:
                for position, length in changed:
                    os.pwrite(file.fileno(), data[position : position + length], position)

    ledger.run(trial)
    ledger.allow(0)


def mutation(chance: random.Random, position: int) -> tuple[int, bytes]:
    """Return where to write what: a false number over a field, or a few bytes anywhere."""
    if chance.random() < 0.6:
        width = chance.choice((4, 8))
        number = chance.choice(FALSE_NUMBERS) + chance.choice((-1, 0, 0, 1))
        return position // width * width, (number % (1 << 8 * width)).to_bytes(width, sys.byteorder)
    return position, chance.randbytes(chance.randint(1, 9))
