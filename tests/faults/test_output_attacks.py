"""Somebody who may write to our output directory does their worst while a dump is opened, written and published.

A win would be: bytes of the dump where they can read them, a victim's file touched, or a dump reported that is not
ours. A sample, or with ``DOTDUMP_FAULTS=full`` more than 500.
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dotdump.dump import output
from dotdump.dump.naming import NameFacts
from dotdump.dump.output import open_output
from dotdump.dump.place import find_place
from dotdump.errors import OutputRefused

FACTS = NameFacts(pid=42, executable="shop", host="web-1", time=7)
SECRET = b"the whole heap" * 100
ATTACKS = 512 if os.environ.get("DOTDUMP_FAULTS") == "full" else 64


class Arena:
    """A victim's file, our directory, and an attacker's beside it."""

    def __init__(self, root: Path) -> None:
        self.ours, self.evil, self.moved = root / "ours", root / "evil", root / "moved"
        self.victim = root / "victim"
        for directory in (self.ours, self.evil):
            directory.mkdir()
            directory.chmod(0o777)
        self.victim.write_text("precious")
        self.victim.chmod(0o644)
        self.target = self.ours / "core"
        self.spies: list[int] = []

    def put(self, make: Callable[[], object]) -> None:
        """Put something where the dump shall be, in the place of whatever is there."""
        self.target.unlink(missing_ok=True)
        make()

    def premake(self) -> None:
        self.spies.append(os.open(self.target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
        os.fchmod(self.spies[-1], 0o666)

    def swap_directory(self) -> None:
        self.ours.rename(self.moved)
        self.ours.symlink_to(self.evil)
        self.ours.unlink()
        self.moved.rename(self.ours)

    def steal(self) -> None:
        for name in ("core.partial", "core"):
            with suppress(FileNotFoundError):
                (self.ours / name).rename(self.evil / "stolen")
                (self.ours / name).write_text("forged")

    def won(self) -> list[str]:
        """What the attacker got."""
        wins = [f"victim is {self.victim.read_bytes()!r}"] if self.victim.read_text() != "precious" else []
        if stat.S_IMODE(self.victim.stat().st_mode) != 0o644:
            wins.append("the victim's mode changed")
        wins += ["a file made before was written to" for spy in self.spies if os.pread(spy, 1 << 16, 0)]
        for path in [*self.ours.iterdir(), *self.evil.iterdir()]:
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077 and SECRET in path.read_bytes():
                wins.append(f"others may read {path.name}")
        return wins


KINDS: dict[str, Callable[[Arena], None]] = {
    "symbolic link": lambda arena: arena.put(lambda: arena.target.symlink_to(arena.victim)),
    "dangling link": lambda arena: arena.put(lambda: arena.target.symlink_to(arena.evil / "new")),
    "hard link": lambda arena: arena.put(lambda: arena.target.hardlink_to(arena.victim)),
    "FIFO": lambda arena: arena.put(lambda: os.mkfifo(arena.target, 0o666)),
    "device": lambda arena: arena.put(lambda: arena.target.symlink_to("/dev/null")),
    "file made before, 0666": lambda arena: arena.put(arena.premake),
    "swapped directory": Arena.swap_directory,
    "racing rename": Arena.steal,
}


@contextmanager
def attacker(arena: Arena, attack: Callable[[Arena], None]) -> Iterator[None]:
    """Somebody who repeats ``attack`` as fast as they can."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            with suppress(OSError):
                attack(arena)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("replace", [False, True], ids=["", "force"])
@pytest.mark.parametrize("way", ["unnamed", "partial"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_attack_wins(kind: str, way: str, replace: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "partial":
        monkeypatch.setattr(output, "_create_unnamed", lambda _: None)
    outcomes = [_one_round(tmp_path / str(number), kind, replace=replace) for number in range(rounds())]
    assert [wins for wins in outcomes if wins] == []


def rounds() -> int:
    """Each of the cells above gets its part of the attacks."""
    return max(1, -(-ATTACKS // (len(KINDS) * 4)))


def _one_round(root: Path, kind: str, *, replace: bool) -> list[str]:
    root.mkdir()
    arena = Arena(root)
    wins = []
    with attacker(arena, KINDS[kind]):
        try:
            with open_output(find_place(str(arena.target), FACTS, replace=replace)) as file:
                os.write(file.descriptor, SECRET)
                file.publish()
                if stat.S_IMODE(os.fstat(file.descriptor).st_mode) != 0o600:
                    wins.append("our mode changed")
        except OutputRefused:
            pass
    wins += arena.won()
    for spy in arena.spies:
        os.close(spy)
    return wins
