"""Finds the diagnostics socket of a process, and connects only to one that the process itself made.

A socket lies in a directory where anyone may put files, under a name that anyone may choose. So a name is only a
candidate: it must be a socket, owned by a user of the target, and the kernel must say (``SO_PEERCRED``) that the target
listens on it. Each connection is checked anew, on the file that is connected to, not on its name.
Source of truth: ``ds-ipc-pal-socket.c`` and ``ds-rt-coreclr.h`` of dotnet/runtime; unix(7).
"""

from __future__ import annotations

import os

from dotdump.errors import AccessDenied, ServerRefused, ServerSilent, ServerSpoofed, ServerUnavailable
from dotdump.ipc.transport import connect_descriptor, open_path
from dotdump.ipc.trust import Owner, read_owner, require_listener, require_owned, sees_our_files
from dotdump.linux.proc import ROOT, Proc
from dotdump.memory.mapped_path import within
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.ipc.transport import Channel, Deadline

    ListNames = Callable[[str], Iterable[str]]
    """Gives the names in a directory as ``os.listdir`` does; whoever asks many processes lists theirs only once."""

DEFAULT_DIRECTORY = "/tmp"  # noqa: S108 -- the runtime's own default
PREFIX, SUFFIX = "dotnet-diagnostic-", "-socket"
ROUTER = "dsrouter-"
_LEAST_FREE = 4
"""Descriptors: with one a connection takes what the program may need itself; with none servers of 3.1 and 8 try in vain
to accept it, as fast as they can, also when it has long been given up."""
_LONGEST_KEY = 20
_MOST_LINKS = 40
"""As many as the kernel follows."""


class Kind:
    """Who makes sockets of that name."""

    RUNTIME = "runtime"
    ROUTER = "dsrouter"


@record
class Candidate:
    """A file named as the diagnostics socket of a process would be; nothing is known of it yet.

    ``key`` is the disambiguation key: the start time of the process that made it, 0 where it could not know.
    """

    path: str
    key: int
    kind: str
    modified_ns: int


@record
class SearchPlace:
    """Where the target's sockets are, as we see the file system. ``doubt`` says why that may be wrong, or is empty."""

    directory: str
    doubt: str = ""


@record
class FoundSocket:
    """A candidate that passed every check. ``note`` says what could not be checked here, or is empty."""

    path: str
    key: int
    kind: str
    note: str = ""


def search_place(owner: Owner, root: str = ROOT) -> SearchPlace:
    """Return where ``owner`` puts its sockets: its own TMPDIR, seen through its own root where that differs."""
    doubt = ""
    try:
        directory = Proc(owner.pid, root).environment().get("TMPDIR") or DEFAULT_DIRECTORY
    except AccessDenied:
        directory = os.environ.get("TMPDIR") or DEFAULT_DIRECTORY
        doubt = f"the environment of process {owner.pid} cannot be read, so its TMPDIR is a guess"
    try:
        directory = from_its_directory(owner.pid, directory, root)
    except OSError:
        doubt = doubt or f"its TMPDIR is {directory}, from a directory of process {owner.pid} that cannot be seen"
    if len(owner.namespace_pids) > 1 or not sees_our_files(owner.pid, root):
        theirs = f"{root}/{owner.pid}/root"
        if os.access(theirs, os.X_OK):
            return SearchPlace(seen_through(theirs, directory), doubt)
        doubt = doubt or f"{theirs} cannot be entered, so this is our {directory}, which may not be the target's"
    return SearchPlace(directory, doubt)


def seen_through(root: str, path: str) -> str:
    """Return where ``path`` of a process whose root we see as ``root`` is: its links lead from there, not from ours."""
    steps, place = path.split("/")[::-1], list[str]()
    links = 0
    while steps:
        step = steps.pop()
        if step == "..":
            del place[-1:]
        elif step not in ("", "."):
            target = _link("/".join((root, *place, step))) if links < _MOST_LINKS else ""
            if not target:
                place.append(step)
                continue
            links += 1
            steps += target.split("/")[::-1]
            if target.startswith("/"):
                place.clear()
    return "/".join((root, *place))


def _link(path: str) -> str:
    """Return where a symbolic link leads, ``""`` where there is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def from_its_directory(pid: int, path: str, root: str = ROOT) -> str:
    """Return ``path`` as process ``pid`` means it, from where it is now if it is relative; raises ``OSError``."""
    if path.startswith("/"):
        return path
    return os.path.join(within(Proc(pid, root).root(), os.readlink(f"{root}/{pid}/cwd")), path)


def find_candidates(owner: Owner, directory: str, list_names: ListNames = os.listdir) -> list[Candidate]:
    """Return the files in ``directory`` named for the process, likeliest first; raises ``OSError``.

    First those whose key is the start time of the process, then by age, the newest first. A dsrouter's socket
    stands before the runtime's own where it is not older, as dotnet's tools have it.
    """
    found = sorted(
        _candidates(owner, directory, list_names(directory)),
        key=lambda c: (c.key == owner.start_time, c.modified_ns, c.kind == Kind.ROUTER),
        reverse=True,
    )
    routers = [c for c in found if c.kind == Kind.ROUTER]
    if routers and routers[0].modified_ns >= max(c.modified_ns for c in found):
        found.remove(routers[0])
        found.insert(0, routers[0])
    return found


def connect_process(
    pid: int, deadline: Deadline, root: str = ROOT, list_names: ListNames = os.listdir
) -> tuple[Channel, FoundSocket]:
    """Connect to the diagnostics server of ``pid``; the caller closes the channel.

    Raises ``ProcessGone``; ``ServerSilent``, also where it could not accept; ``ServerSpoofed`` where only others'
    sockets bear its name (the error names one); ``ServerRefused`` where its socket is not for us;
    ``ServerUnavailable`` where it has none.
    """
    owner = read_owner(pid, root)
    require_descriptors(pid, root)
    place = search_place(owner, root)
    try:
        candidates = find_candidates(owner, place.directory, list_names)
    except PermissionError as error:
        raise ServerRefused(f"process {pid}: {place.directory} may not be listed", hint=place.doubt or None) from error
    except OSError as error:
        raise ServerUnavailable(
            f"process {pid}: cannot look for its diagnostics socket in {place.directory}: {error.strerror}",
            hint=place.doubt or None,
        ) from error
    failures: list[ServerUnavailable] = []
    others: list[ServerUnavailable] = []
    for candidate in candidates:
        try:
            return connect_candidate(candidate, owner, deadline, root)
        except ServerUnavailable as error:
            if type(error) is ServerUnavailable and candidate.key not in (0, owner.start_time):
                others.append(error)
            else:
                failures.append(error)
    raise _worst(failures) or _none_there(owner, place, others)


def require_descriptors(pid: int, root: str = ROOT) -> None:
    """Raise ``ServerSilent`` where ``pid`` may open so few more files that a connection could harm it."""
    free = Proc(pid, root).free_descriptors()
    if free is not None and free < _LEAST_FREE:
        raise ServerSilent(
            f"process {pid} may open {'no' if free <= 0 else f'only {free}'} more files (RLIMIT_NOFILE), "
            "so it was not connected to",
            hint="--method ptrace and --live ask nothing of it; prlimit --nofile=NUMBER --pid PID raises its limit",
        )


def connect_candidate(
    candidate: Candidate, owner: Owner, deadline: Deadline, root: str = ROOT
) -> tuple[Channel, FoundSocket]:
    """Connect to one candidate and check who made it; raises as ``connect_process`` does."""
    try:
        descriptor = open_path(candidate.path)
    except OSError as error:
        raise ServerUnavailable(f"{candidate.path}: {error.strerror}") from error
    try:
        require_owned(descriptor, candidate.path, owner)
        channel = _connect(descriptor, candidate.path, deadline)
    finally:
        os.close(descriptor)
    try:
        note = require_listener(channel, candidate.path, owner, root)
    except BaseException:
        channel.close()
        raise
    return channel, FoundSocket(candidate.path, candidate.key, candidate.kind, note)


def _candidates(owner: Owner, directory: str, names: Iterable[str]) -> Iterator[Candidate]:
    kinds = {f"{PREFIX}{owner.own_pid}-": Kind.RUNTIME, f"{PREFIX}{ROUTER}{owner.own_pid}-": Kind.ROUTER}
    ours = tuple(kinds)
    for name in names:  # hundreds of left-over sockets are common: look at names before files
        if not name.startswith(ours):
            continue
        prefix = next(prefix for prefix in ours if name.startswith(prefix))
        key = _key_of(name, prefix, owner.start_time)
        if key is None:
            continue
        path = os.path.join(directory, name)
        try:
            modified = os.lstat(path).st_mtime_ns
        except OSError:
            continue
        yield Candidate(path, key, kinds[prefix], modified)


def _key_of(name: str, prefix: str, start_time: int) -> int | None:
    """Return the key after ``prefix``, None where there is none; runtimes cut a name whose path is too long for one."""
    if f"{prefix}{start_time}{SUFFIX}".startswith(name):
        return start_time
    key = name[len(prefix) : -len(SUFFIX)]
    return int(key) if name.endswith(SUFFIX) and key.isdecimal() and len(key) <= _LONGEST_KEY else None


def _connect(descriptor: int, path: str, deadline: Deadline) -> Channel:
    try:
        return connect_descriptor(descriptor, path, deadline)
    except ServerSilent:  # an OSError too
        raise
    except PermissionError as error:
        raise ServerRefused(f"{path} is not for this user", hint="run as the target's user, or as root") from error
    except ConnectionRefusedError as error:
        raise ServerUnavailable(f"{path} is left over: nobody listens on it") from error
    except OSError as error:
        raise ServerUnavailable(f"{path}: cannot connect: {error.strerror}") from error


def _worst(failures: list[ServerUnavailable]) -> ServerUnavailable | None:
    """Return the failure that says most: a refusal before a forgery before a left-over."""
    for kind in (ServerRefused, ServerSpoofed, ServerUnavailable):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    return None


def _none_there(owner: Owner, place: SearchPlace, others: list[ServerUnavailable]) -> ServerUnavailable:
    """Say that none is there, and what is wrong with one that bears its number but not its start time."""
    left = f"; {others[0].message}" if others else ""
    return ServerUnavailable(
        f"process {owner.pid} has no diagnostics socket in {place.directory}{left}",
        hint=place.doubt
        or "it is no .NET 3.1+ process, or its diagnostics are off (DOTNET_EnableDiagnostics), "
        "or the socket's path would be 108 bytes or longer",
    )
