"""The output file: what it promises, and every attack on it that we could think of."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dotdump.dump import output
from dotdump.dump.naming import NameFacts
from dotdump.dump.output import OutputFile, open_output
from dotdump.dump.place import Place, find_place
from dotdump.errors import OutputRefused

FACTS = NameFacts(pid=42, executable="shop", host="web-1", time=7)
SECRET = b"the whole heap"


@pytest.fixture(params=["unnamed", "partial"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test runs with O_TMPFILE and as on a file system without it."""
    if request.param == "partial":
        monkeypatch.setattr(output, "_create_unnamed", lambda _: None)
    return str(request.param)


@contextmanager
def written(where: Path | str, *, replace: bool = False) -> Iterator[OutputFile]:
    with open_output(find_place(str(where), FACTS, replace=replace)) as file:
        os.write(file.descriptor, SECRET)
        yield file


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


class TestPlace:
    def test_without_a_word_it_is_here_with_the_pid_in_the_name(self) -> None:
        assert find_place(None, FACTS) == Place(".", "core.42", numbered=True)

    def test_an_existing_directory_gets_the_default_name(self, tmp_path: Path) -> None:
        assert find_place(str(tmp_path), FACTS) == Place(str(tmp_path), "core.42", numbered=True)

    def test_a_template_names_file_and_directory(self, tmp_path: Path) -> None:
        assert find_place(f"{tmp_path}/%h/%e.%p", FACTS) == Place(f"{tmp_path}/web-1", "shop.42")

    def test_a_bare_name_is_in_the_current_directory(self) -> None:
        assert find_place("dump", FACTS, replace=True) == Place(".", "dump", replace=True)

    @pytest.mark.parametrize("name", ["", "a\0b", "x" * 300, "%e" * 80])
    def test_what_cannot_be_a_name_is_refused(self, name: str) -> None:
        with pytest.raises(OutputRefused):
            find_place(name, FACTS)

    def test_a_working_directory_that_was_removed_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        with pytest.raises(OutputRefused) as caught:
            open_output(find_place("core", FACTS))
        assert (caught.value.message, caught.value.hint) == (
            "cannot write 'core' in '.': No such file or directory",
            "its directory has been removed meanwhile",
        )

    def test_a_file_system_that_takes_no_files_is_not_said_to_have_lost_its_directory(self) -> None:
        with pytest.raises(OutputRefused) as caught:
            open_output(find_place("/proc", FACTS))
        assert caught.value.hint == "its file system takes no files of ours: write elsewhere"

    @pytest.mark.parametrize("replace", [False, True])
    def test_where_a_filter_refuses_linkat_the_file_has_a_name_from_the_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, replace: bool
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
        with written(tmp_path / "core", replace=replace) as file:
            assert names(tmp_path) == ["core.partial"]
            file.publish()
        assert names(tmp_path) == ["core"]

    def test_a_missing_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(OutputRefused, match="nowhere"):
            open_output(find_place(f"{tmp_path}/nowhere/core", FACTS))


class TestLife:
    def test_only_publishing_makes_the_name(self, tmp_path: Path, way: str) -> None:
        with written(tmp_path / "core") as file:
            assert names(tmp_path) == ([] if way == "unnamed" else ["core.partial"])
            assert file.publish() == str(tmp_path / "core")
            assert names(tmp_path) == ["core"]
        assert (tmp_path / "core").read_bytes() == SECRET

    def test_leaving_without_publishing_leaves_nothing(self, tmp_path: Path) -> None:
        with written(tmp_path / "core"):
            pass
        assert names(tmp_path) == []

    def test_an_error_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), written(tmp_path / "core"):
            raise KeyboardInterrupt
        assert names(tmp_path) == []

    def test_what_is_kept_is_called_partial(self, tmp_path: Path) -> None:
        with written(tmp_path / "core") as file:
            assert file.keep() == str(tmp_path / "core.partial")
        assert names(tmp_path) == ["core.partial"]

    def test_what_cannot_be_removed_hides_no_other_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(30, "Read-only file system")

        before = len(list(Path("/proc/self/fd").iterdir()))
        file = open_output(find_place(str(tmp_path / "core"), FACTS))
        monkeypatch.setattr(os, "unlink", refuse)
        with pytest.raises(KeyError, match="first"), file:
            raise KeyError("first")
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_a_second_partial_does_not_touch_the_first(self, tmp_path: Path) -> None:
        (tmp_path / "core.partial").write_text("older")
        with written(tmp_path / "core") as file:
            assert file.keep() == str(tmp_path / "core-2.partial")
        assert (tmp_path / "core.partial").read_text() == "older"

    def test_closing_twice_is_harmless_and_no_descriptor_is_left(self, tmp_path: Path) -> None:
        before = names(Path("/proc/self/fd"))
        with written(tmp_path / "core") as file:
            file.publish()
        file.close()
        assert names(Path("/proc/self/fd")) == before

    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
    def test_the_mode_is_0600_whatever_the_umask(self, tmp_path: Path, umask: int) -> None:
        old = os.umask(umask)
        try:
            with written(tmp_path / "core") as file:
                assert stat.S_IMODE(os.fstat(file.descriptor).st_mode) == 0o600
                file.publish()
        finally:
            os.umask(old)
        assert stat.S_IMODE((tmp_path / "core").stat().st_mode) == 0o600

    @pytest.mark.parametrize("answer", [None, errno.EPERM, errno.ENOSYS])
    def test_a_file_system_without_modes_is_refused(
        self, answer: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fchmod(descriptor: int, _: int) -> None:
            change_mode(descriptor, 0o755)
            if answer is not None:
                raise OSError(answer, os.strerror(answer))

        change_mode = os.fchmod
        monkeypatch.setattr(os, "fchmod", fchmod)
        with pytest.raises(OutputRefused, match="its file system has no modes"):
            open_output(find_place(str(tmp_path / "core"), FACTS))
        assert names(tmp_path) == []

    def test_default_names_never_collide(self, tmp_path: Path) -> None:
        for _ in range(3):
            with written(tmp_path) as file:
                file.publish()
        assert names(tmp_path) == ["core.42", "core.42-2", "core.42-3"]

    def test_two_at_the_same_time_both_get_a_name(self, tmp_path: Path) -> None:
        with written(tmp_path) as first, written(tmp_path) as second:
            assert first.publish() != second.publish()

    def test_both_the_file_and_its_directory_are_synchronised(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synchronised: list[int] = []
        monkeypatch.setattr(os, "fsync", synchronised.append)
        with written(tmp_path / "core") as file:
            file.publish()
            assert synchronised == [file.descriptor, file.directory]


class TestWhatIsThere:
    def test_a_regular_file_is_not_replaced_unasked(self, tmp_path: Path) -> None:
        (tmp_path / "core").write_text("older")
        with pytest.raises(OutputRefused) as caught, written(tmp_path / "core"):
            pass
        assert "--force" in str(caught.value.hint)
        assert (tmp_path / "core").read_text() == "older"

    def test_force_replaces_it_only_when_the_new_one_is_published(self, tmp_path: Path) -> None:
        (tmp_path / "core").write_text("older")
        with written(tmp_path / "core", replace=True) as file:
            assert (tmp_path / "core").read_text() == "older"
            file.publish()
        assert (tmp_path / "core").read_bytes() == SECRET
        assert names(tmp_path) == ["core"]

    def test_a_premade_file_that_all_can_read_lends_its_mode_to_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "core").touch()
        (tmp_path / "core").chmod(0o666)
        with (tmp_path / "core").open("rb") as spy, written(tmp_path / "core", replace=True) as file:
            file.publish()
            assert spy.read() == b""
        assert stat.S_IMODE((tmp_path / "core").stat().st_mode) == 0o600

    @pytest.mark.parametrize("replace", [False, True])
    @pytest.mark.parametrize("kind", ["link to a file", "dangling link", "FIFO", "socket", "directory in the way"])
    def test_anything_but_a_regular_file_is_refused_and_left_alone(
        self, tmp_path: Path, kind: str, replace: bool
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_text("precious")
        with premade(kind, tmp_path / "core", victim):
            before = (tmp_path / "core").lstat()
            place = Place(str(tmp_path), "core", replace=replace)
            with pytest.raises(OutputRefused):
                open_output(place)
            after = (tmp_path / "core").lstat()
        assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
        assert victim.read_text() == "precious"

    @pytest.mark.parametrize("device", ["/dev/null", "/dev/full", "/dev/stdout"])
    def test_devices_are_refused(self, device: str) -> None:
        with pytest.raises(OutputRefused):
            open_output(find_place(device, FACTS, replace=True))

    def test_a_hard_link_to_a_victim_is_replaced_not_written_through(self, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_text("precious")
        (tmp_path / "core").hardlink_to(victim)
        with written(tmp_path / "core", replace=True) as file:
            file.publish()
        assert victim.read_text() == "precious"


class TestRaces:
    """What somebody does between opening and publishing."""

    def test_a_name_taken_meanwhile_is_kept_and_the_dump_gets_a_number(self, tmp_path: Path) -> None:
        with written(tmp_path / "core") as file:
            (tmp_path / "core").write_text("quick")
            assert file.publish() == str(tmp_path / "core-2")
        assert (tmp_path / "core").read_text() == "quick"
        assert (tmp_path / "core-2").read_bytes() == SECRET

    @pytest.mark.parametrize("replace", [False, True])
    @pytest.mark.parametrize("kind", ["link to a file", "dangling link", "FIFO", "socket", "directory in the way"])
    def test_nothing_put_in_the_way_is_written_through(self, tmp_path: Path, kind: str, replace: bool) -> None:
        victim = tmp_path / "victim"
        victim.write_text("precious")
        with written(tmp_path / "core", replace=replace) as file, premade(kind, tmp_path / "core", victim):
            if replace:
                with pytest.raises(OutputRefused):
                    file.publish()
            else:
                assert file.publish() == str(tmp_path / "core-2")
        assert victim.read_text() == "precious"
        assert not (tmp_path / "victim-2").exists()

    def test_a_swapped_directory_gets_nothing(self, tmp_path: Path) -> None:
        mine, evil, moved = tmp_path / "mine", tmp_path / "evil", tmp_path / "moved"
        mine.mkdir()
        evil.mkdir()
        with written(mine / "core") as file:
            mine.rename(moved)
            mine.symlink_to(evil)
            assert file.publish() == str(moved / "core")
        assert names(evil) == []
        assert (moved / "core").read_bytes() == SECRET

    def test_a_removed_directory_is_an_error(self, tmp_path: Path, way: str) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        with written(gone / "core") as file:
            if way == "partial":
                (gone / "core.partial").unlink()
            gone.rmdir()
            with pytest.raises(OutputRefused):
                file.publish()

    def test_a_file_swapped_for_ours_is_noticed(self, tmp_path: Path, way: str) -> None:
        if way == "unnamed":
            return  # there is no name to swap
        with written(tmp_path / "core") as file:
            (tmp_path / "core.partial").rename(tmp_path / "stolen")
            (tmp_path / "core.partial").write_text("forged")
            with pytest.raises(OutputRefused, match="swapped"):
                file.publish()


@contextmanager
def premade(kind: str, path: Path, victim: Path) -> Iterator[None]:
    makers: dict[str, Callable[[], object]] = {
        "link to a file": lambda: path.symlink_to(victim),
        "dangling link": lambda: path.symlink_to(victim.with_name("victim-2")),
        "FIFO": lambda: os.mkfifo(path),
        "directory in the way": path.mkdir,
    }
    if kind != "socket":
        makers[kind]()
        yield
        return
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        yield
