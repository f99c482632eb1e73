import pytest

from dotdump.errors import FormatError
from dotdump.linux.status import parse_status

TEXT = rb"""Name:	a\nb (c)\\n
State:	D (disk sleep)
Tgid:	4711
Pid:	4712
PPid:	1
TracerPid:	99
Uid:	1000	1001	1002	1003
Gid:	5	5	5	5
NSpid:	4711	17	1
NSpgid:	4700	16	0
NSsid:	4699	15	0
VmSize:	    3060 kB
VmRSS:	    1640 kB
RssAnon:	     640 kB
RssFile:	     900 kB
RssShmem:	     100 kB
VmSwap:	      20 kB
HugetlbPages:	    2048 kB
Threads:	12
CapPrm:	000001fffeffffff
CapEff:	0000000000080000
CapBnd:	000001fffeffffff
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
CoreDumping:	0
"""


def test_every_field_is_read() -> None:
    status = parse_status(TEXT)
    assert (status.state, status.group, status.pid, status.parent, status.tracer) == ("D", 4711, 4712, 1, 99)
    assert status.uids == (1000, 1001, 1002, 1003)
    assert status.namespace_pids == (4711, 17, 1)
    assert (status.namespace_groups, status.namespace_sessions) == ((4700, 16, 0), (4699, 15, 0))
    assert status.namespace_pid == 1
    assert (status.resident, status.virtual, status.threads) == (1640 * 1024, 3060 * 1024, 12)
    assert status.own_resident == (640 + 100 + 20 + 2048) * 1024
    assert status.capabilities_effective == 1 << 19
    assert (status.no_new_privileges, status.seccomp, status.core_dumping) == (True, 2, False)


def test_a_name_with_newlines_and_backslashes_is_what_the_process_chose() -> None:
    assert parse_status(TEXT).name == "a\nb (c)\\n"


def test_keys_that_an_old_kernel_or_a_kernel_thread_has_not_are_none() -> None:
    status = parse_status(b"Name:\tkthreadd\nState:\tS (sleeping)\nTgid:\t2\nPid:\t2\n")
    assert status.resident is None
    assert status.own_resident is None
    assert status.seccomp is None
    assert status.namespace_pid == 2


@pytest.mark.parametrize("line", [b"Threads:\tmany", b"Uid:\t0\t0\tx\t0", b"CapEff:\tzz", b"VmRSS:\t-- kB"])
def test_a_value_that_is_no_number_is_refused(line: bytes) -> None:
    with pytest.raises(FormatError, match="not a number"):
        parse_status(TEXT.replace(line.split(b":")[0] + b":", b"X:") + line)


def test_a_text_that_is_no_status_is_refused() -> None:
    with pytest.raises(FormatError, match="not the status of a process"):
        parse_status(b"")
