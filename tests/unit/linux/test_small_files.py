import pytest

from dotdump.errors import FormatError
from dotdump.linux.cgroup import find_container, parse_cgroup
from dotdump.linux.mounts import find_mount, parse_mountinfo
from dotdump.linux.rlimits import parse_limits
from dotdump.linux.strings import parse_command_line, parse_environment

ID = "0123456789abcdef" * 4


def test_of_an_environment_name_the_first_value_counts() -> None:
    assert parse_environment(b"A=1\0B=x=y\0A=2\0junk\0=z\0") == {"A": "1", "B": "x=y"}


@pytest.mark.parametrize(
    ("data", "arguments"),
    [(b"", ()), (b"a\0", ("a",)), (b"a\0\0b c\0", ("a", "", "b c")), (b"title without end", ("title without end",))],
)
def test_command_lines(data: bytes, arguments: tuple[str, ...]) -> None:
    assert parse_command_line(data) == arguments


@pytest.mark.parametrize(
    ("text", "container"),
    [
        (f"0::/system.slice/docker-{ID}.scope", ID),
        (f"0::/kubepods.slice/kubepods-pod12.slice/cri-containerd-{ID}.scope", ID),
        (f"12:memory:/docker/{ID}\n0::/", ID),
        (f"0::/machine.slice/libpod-{ID}.scope/container", ID),
        (f"0::/kubepods-besteffort-pod1.slice:cri-containerd:{ID}", ID),
        ("0::/user.slice/user-1000.slice", None),
        (f"0::/docker/{ID[:-1]}", None),
        (f"0::/docker/{ID[:-1]}g", None),
    ],
)
def test_the_container_is_named_by_the_control_group(text: str, container: str | None) -> None:
    assert find_container(parse_cgroup(text.encode())) == container


def test_control_groups_of_both_versions() -> None:
    first, second = parse_cgroup(b"4:cpu,cpuacct:/a:b\n0::/c\n")
    assert (first.hierarchy, first.controllers, first.path) == (4, ("cpu", "cpuacct"), "/a:b")
    assert (second.hierarchy, second.controllers, second.path) == (0, (), "/c")


def test_limits_are_numbers_or_none() -> None:
    limits = parse_limits(
        b"Limit                     Soft Limit           Hard Limit           Units     \n"
        b"Max cpu time              unlimited            unlimited            seconds   \n"
        b"Max file size             1024                 unlimited            bytes     \n"
    )
    assert limits == {"Max cpu time": (None, None), "Max file size": (1024, None)}


MOUNTS = rb"""22 27 0:21 / / ro,relatime shared:1 - ext4 /dev/vda rw
23 22 0:22 / /tmp rw,nosuid - tmpfs tmpfs rw,size=64k
24 23 0:23 /in\040side /tmp/a\040b\134c rw - tmpfs none ro
"""


def test_mounts_are_found_by_path_and_know_whether_they_are_read_only() -> None:
    mounts = parse_mountinfo(MOUNTS)
    assert [mount.point for mount in mounts] == ["/", "/tmp", "/tmp/a b\\c"]
    assert mounts[2].root == "/in side"
    assert [mount.read_only for mount in mounts] == [True, False, True]
    for path, point in (("/", "/"), ("/tmpx", "/"), ("/tmp", "/tmp"), ("/tmp/a b\\c/d", "/tmp/a b\\c")):
        found = find_mount(mounts, path)
        assert found is not None
        assert found.point == point
    assert find_mount([], "/") is None


@pytest.mark.parametrize("line", [b"x", b"1 2 0:1 / / rw", b"1 2 0:1 / / rw - ext4", b"a 2 0:1 / / rw - ext4 x y"])
def test_a_line_of_mounts_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(FormatError):
        parse_mountinfo(line)


@pytest.mark.parametrize("line", [b"x", b"1:a", b"y::/"])
def test_a_line_of_control_groups_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(FormatError):
        parse_cgroup(line)
