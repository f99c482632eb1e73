"""The output file: ours alone, opened before the target is touched, named only when it is whole.

The directory is opened once and held, so renaming or swapping it later changes nothing. The file is new, regular and
0600 whatever the umask; where the file system can (O_TMPFILE) it has no name at all until it gets its final one, so
that a death at any moment leaves nothing behind; elsewhere, and where it could never get one, it is called
``NAME.partial``. Never: follow a symbolic link to the file, write into a file that was there, open a FIFO or a device,
take a name that is taken.
Source: open(2), linkat(2), renameat2(2).
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from dotdump.closing import Closing
from dotdump.dump.naming import numbered
from dotdump.dump.refused_output import refused_output
from dotdump.dump.sink import sink_for
from dotdump.errors import OutputRefused
from dotdump.linux.errors import FILES_HINT
from dotdump.linux.rename import rename_exclusively
from dotdump.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.dump.place import Place
    from dotdump.dump.sink import FileSink, PipeSink

MODE = 0o600
PARTIAL = ".partial"

_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EPERM})
"""File systems and kernels without O_TMPFILE; ENOENT is FUSE's and 9p's way to say it. EPERM is ext4's of a directory
that has been removed.
"""

_NO_MODES = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP})
"""How vfat, and file systems of FUSE that have no modes, refuse fchmod; others say nothing and change nothing."""

_NO_DIRECTORY = {errno.ENOENT: "make the directory first", errno.EMFILE: FILES_HINT, errno.ENFILE: FILES_HINT}
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


def open_output(place: Place) -> OutputFile:
    """Create the file; raises ``OutputRefused`` where the place is not acceptable or already taken."""
    directory = _open_directory(place.directory)
    try:
        _refuse_what_is_there(directory, place)
        descriptor, temporary = _create(directory, place)
    except OSError as error:
        refused = refused_output(place, error, directory)
        os.close(directory)
        raise refused from error
    except BaseException:
        os.close(directory)
        raise
    return OutputFile(place, directory, descriptor, temporary)


class OutputFile(Closing):
    """A new file on its way to a name: written through ``descriptor``, then ``publish``, ``keep``, or neither.

    Leaving the ``with`` block without either discards it. ``directory`` is the held descriptor of its directory.
    """

    def __init__(self, place: Place, directory: int, descriptor: int, temporary: str | None) -> None:
        self.place = place
        self.directory = directory
        self.descriptor = descriptor
        self._temporary = temporary

    @property
    def size(self) -> int:
        """Bytes written so far, up to the highest position."""
        return os.fstat(self.descriptor).st_size

    @property
    def path(self) -> str:
        """The final path as things stand now, following the held directory wherever it has been moved."""
        return self._path_of(self.place.name)

    def sink(self) -> FileSink | PipeSink:
        """Return where to write."""
        return sink_for(self.descriptor)

    def empty(self) -> None:
        """Begin anew: nothing of what was written is left. Raises ``OSError``."""
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)

    def require_beside(self, suffix: str) -> None:
        """Raise ``OutputRefused`` where a file whose name has a suffix more could not be put beside this one."""
        _refuse_what_is_there(self.directory, replace(self.place, name=f"{self.place.name}{suffix}"))

    def publish(self) -> str:
        """Make the file durable, give it its final name, and return the path.

        A name that was taken meanwhile is not replaced (unless the place says so): the file then gets a number,
        so that a whole dump is never lost. Raises ``OutputRefused``.
        """
        try:
            os.fsync(self.descriptor)
            name = self._replace() if self.place.replace else self._take_first(numbered(self.place.name))
            return self._settle(name)
        except OSError as error:
            raise refused_output(self.place, error, self.directory) from error

    def keep(self) -> str:
        """Keep what is there as ``NAME.partial`` and return the path; raises ``OutputRefused``."""
        try:
            os.fsync(self.descriptor)
            name = self._temporary or self._take_first(partial_names(self.place.name))
            return self._settle(name)
        except OSError as error:
            raise refused_output(self.place, error, self.directory) from error

    def close(self) -> None:
        """Close it; discard the file if it was neither published nor kept. A second call does nothing.

        Raises nothing: what is discarded has failed already, and that is what is to be told.
        """
        if self.descriptor < 0:
            return
        with suppress(OSError):
            if self._temporary is not None and self._is_ours(self._temporary):
                os.unlink(self._temporary, dir_fd=self.directory)
        held = self.descriptor, self.directory
        self.descriptor = self.directory = -1
        for descriptor in held:
            with suppress(OSError):
                os.close(descriptor)

    def _settle(self, name: str) -> str:
        """Check that what bears the name is really ours, and make the name durable."""
        if not self._is_ours(name):
            raise OutputRefused(
                f"{self._path_of(name)} is not the file that was written: somebody swapped it",
                hint="write to a directory that only you can write to",
            )
        self._temporary = None
        os.fsync(self.directory)
        return self._path_of(name)

    def _take_first(self, names: Iterator[str]) -> str:
        for name in names:
            try:
                self._take(name)
            except FileExistsError:
                continue
            return name
        raise FileExistsError(errno.EEXIST, "every name that was tried is taken")

    def _take(self, name: str) -> None:
        """Give the file a name that nothing has; raises ``FileExistsError``."""
        if self._temporary is None:
            os.link(f"/proc/self/fd/{self.descriptor}", name, dst_dir_fd=self.directory, follow_symlinks=True)
        else:
            rename_exclusively(self.directory, self._temporary, name)

    def _replace(self) -> str:
        """Put the file in the place of a regular file, or of nothing, in one step."""
        name = self.place.name
        _refuse_what_is_there(self.directory, self.place)
        if self._temporary is None:
            self._temporary = self._take_first(partial_names(name))
        os.rename(self._temporary, name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        self._temporary = None
        return name

    def _is_ours(self, name: str) -> bool:
        try:
            there = os.stat(name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        ours = os.fstat(self.descriptor)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _path_of(self, name: str) -> str:
        try:
            directory = os.readlink(f"/proc/self/fd/{self.directory}")
        except OSError:
            directory = os.path.abspath(self.place.directory)
        return os.path.join(directory, name)


def partial_names(name: str) -> Iterator[str]:
    """Yield the names under which an incomplete ``name`` may be kept."""
    return (candidate + PARTIAL for candidate in numbered(name))


def _open_directory(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        hint = _NO_DIRECTORY.get(error.errno or 0)
        raise OutputRefused(f"cannot write into the directory {path!r}: {error.strerror}", hint=hint) from error


def _refuse_what_is_there(directory: int, place: Place) -> None:
    try:
        there = os.stat(place.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    for is_kind, kind in _KINDS:
        if is_kind(there.st_mode):
            raise OutputRefused(
                f"cannot write to {place.name!r} in {place.directory!r}: it is {kind}, not a regular file",
                hint="choose another name; only a redirection, -o - > FILE, writes through what is there already",
            )
    if not (place.replace or place.numbered):
        raise OutputRefused(
            f"cannot write to {place.name!r} in {place.directory!r}: it exists already",
            hint="--force replaces it, once the new dump is complete",
        )


def _create(directory: int, place: Place) -> tuple[int, str | None]:
    """Return the descriptor of a new file and the name it has meanwhile, None where it has none."""
    descriptor, temporary = _create_unnamed(directory), None
    if descriptor is None:
        descriptor, temporary = _create_partial(directory, place.name)
    try:
        _make_private(descriptor, place)
    except BaseException:
        os.close(descriptor)
        if temporary is not None:
            os.unlink(temporary, dir_fd=directory)
        raise
    return descriptor, temporary


def _make_private(descriptor: int, place: Place) -> None:
    """Set the mode, which the umask may have narrowed; refuse a file system that does not keep it."""
    try:
        os.fchmod(descriptor, MODE)
    except OSError as error:
        if error.errno not in _NO_MODES:
            raise
    made = os.fstat(descriptor)
    if stat.S_IMODE(made.st_mode) != MODE or not stat.S_ISREG(made.st_mode):
        raise OutputRefused(
            f"cannot keep a dump private in {place.directory!r}: its file system has no modes",
            hint="write to one that has; or, where no one else can read files there, redirect it: -o - > FILE",
        )


def _create_unnamed(directory: int) -> int | None:
    try:
        descriptor = os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, MODE, dir_fd=directory)
    except OSError as error:
        if error.errno in _NO_TMPFILE:
            return None
        raise
    if not _can_be_named(descriptor, directory):
        os.close(descriptor)
        return None
    return descriptor


def _can_be_named(descriptor: int, directory: int) -> bool:
    """Whether linkat(2) will name it: not without /proc or in a sandbox that refuses. "." is taken: nothing is made."""
    try:
        os.link(f"/proc/self/fd/{descriptor}", ".", dst_dir_fd=directory, follow_symlinks=True)
    except OSError as error:
        return error.errno == errno.EEXIST
    return True


def _create_partial(directory: int, name: str) -> tuple[int, str]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for candidate in partial_names(name):
        try:
            return os.open(candidate, flags, MODE, dir_fd=directory), candidate
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "every name that was tried is taken")
