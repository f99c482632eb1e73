"""Paths of mapped files as a process in a chroot names them."""

import pytest

from dotdump.memory.mapped_path import within


@pytest.mark.parametrize(
    ("root", "path", "inside"),
    [
        ("/", "/usr/lib/a.so", "/usr/lib/a.so"),
        ("/jail", "/jail/usr/lib/a.so (deleted)", "/usr/lib/a.so (deleted)"),
        ("/jail", "/jailed/a.so", "/jailed/a.so"),
        ("/jail", "/opt/a.so", "/opt/a.so"),
        ("/jail", "/jail", "/jail"),
        ("/jail", "[heap]", "[heap]"),
    ],
)
def test_a_path_begins_at_the_root_of_its_process(root: str, path: str, inside: str) -> None:
    assert within(root, path) == inside
