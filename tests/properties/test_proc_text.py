"""Whatever /proc text holds, a parser returns or raises FormatError; what the kernel would write is read back."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotdump.errors import FormatError
from dotdump.linux.cgroup import find_container, parse_cgroup
from dotdump.linux.maps import parse_maps
from dotdump.linux.mounts import parse_mountinfo
from dotdump.linux.process_stat import parse_stat
from dotdump.linux.rlimits import parse_limits
from dotdump.linux.smaps import parse_smaps
from dotdump.linux.status import parse_status
from dotdump.linux.strings import parse_command_line, parse_environment

PARSERS: list[Callable[[bytes], object]] = [
    lambda data: find_container(parse_cgroup(data)),
    parse_maps,
    lambda data: parse_smaps([data[:50], data[50:]]),
    parse_mountinfo,
    parse_stat,
    parse_limits,
    parse_status,
    parse_command_line,
    parse_environment,
]
SEEDS = [
    b"7f0000001000-7f0000003000 r-xp 00002000 fe:01 4242   /opt/a b/lib.so (deleted)\nRss: 4 kB\nVmFlags: rd dd\n",
    b"4711 (a) b\n) S 1 2 3 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 12 0 214398 13324288 2408 1",
    b"Name:\tx\\n\nUid:\t0\t0\t0\t0\nNSpid:\t1\t2\nCapEff:\t00ff\nVmRSS:\t 1 kB\nThreads:\t2\n",
    b"24 23 0:23 /in\\040side /tmp/a\\134c rw shared:3 - tmpfs none ro,size=4k\n",
    b"4:cpu,cpuacct:/a\n0::/docker-" + b"ab" * 32 + b".scope\n",
    b"\n".join(
        [b"Limit                     Soft Limit           Hard", b"Max file size             1024     unlimited  bytes"]
    ),
    b"A=1\0B=2\0",
]
NAMES = st.binary(max_size=64).filter(lambda raw: b"\0" not in raw)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Real text with a slice replaced by anything."""
    text = draw(st.sampled_from(SEEDS))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text[:start] + draw(st.binary(max_size=24)) + text[end:]


@pytest.mark.parametrize("parse", PARSERS)
@given(data=st.one_of(st.binary(max_size=200), damaged()))
def test_any_bytes_are_parsed_or_refused(parse: Callable[[bytes], object], data: bytes) -> None:
    with suppress(FormatError):
        parse(data)


@given(name=NAMES.filter(lambda raw: len(raw) < 16))
def test_a_process_may_choose_any_name(name: bytes) -> None:
    expected = name.decode("utf-8", "surrogateescape")
    numbers = b"S 1 2 3 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 12 0 214398 13324288 2408 1"
    stat = parse_stat(b"4711 (" + name + b") " + numbers)
    assert (stat.name, stat.start_time) == (expected, 214398)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    status = parse_status(b"Name:\t" + escaped + b"\nUid:\t1\t2\t3\t4\n")
    assert status.uids == (1, 2, 3, 4)
    assert status.name == expected.lstrip("\t ")


@given(path=NAMES)
def test_a_mapped_file_may_have_any_name_without_the_kernels_own_escape(path: bytes) -> None:
    if b"\\012" in path:
        return
    written = b"/" + path.replace(b"\n", b"\\012")
    (region,) = parse_maps(b"1000-2000 r--p 00000000 fe:01 9         " + written + b"\n")
    assert region.path == (b"/" + path).decode("utf-8", "surrogateescape")


@given(point=NAMES)
def test_a_mount_point_may_have_any_name(point: bytes) -> None:
    written = b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes((byte,)) for byte in b"/" + point)
    (mount,) = parse_mountinfo(b"24 23 0:23 / " + written + b" rw - tmpfs none rw\n")
    assert mount.point == (b"/" + point).decode("utf-8", "surrogateescape")
