from itertools import islice

import pytest

from dotdump.dump.naming import NameFacts, default_name, expand, harmless, numbered
from dotdump.errors import OutputRefused

FACTS = NameFacts(pid=4711, executable="shop", host="web-1", time=1_700_000_000)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("core", "core"),
        ("core.%p", "core.4711"),
        ("%d-%p", "4711-4711"),
        ("%e@%h.%t", "shop@web-1.1700000000"),
        ("100%%", "100%"),
        ("%%p", "%p"),
        ("/dumps/%h/%e", "/dumps/web-1/shop"),
    ],
)
def test_a_template_is_filled_in_as_createdump_does(template: str, name: str) -> None:
    assert expand(template, FACTS) == name


@pytest.mark.parametrize("template", ["core.%", "%s", "core.%P.x", "%g%p"])
def test_an_unknown_specifier_is_refused_with_the_known_ones_as_a_hint(template: str) -> None:
    with pytest.raises(OutputRefused) as caught:
        expand(template, FACTS)
    assert "%p" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("hostile", "tame"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "__"),
        (".", "_"),
        ("", "_"),
        ("a\nb\x1b[2J", "a_b_[2J"),
        ("kworker/0:1", "kworker_0:1"),
    ],
)
def test_a_hostile_process_name_stays_one_component_of_the_path(hostile: str, tame: str) -> None:
    assert harmless(hostile) == tame
    facts = NameFacts(1, hostile, hostile, 0)
    assert expand("/dumps/%e/%h", facts) == f"/dumps/{tame}/{tame}"


def test_the_default_name_has_the_pid_and_is_numbered_where_taken() -> None:
    assert list(islice(numbered(default_name(7)), 3)) == ["core.7", "core.7-2", "core.7-3"]
    assert len(list(numbered("x", attempts=5))) == 5
