"""Names that C# makes, told back as the source has them."""

import pytest

from dotdump.formats.source_names import source_name


@pytest.mark.parametrize(
    ("type_name", "method", "expected"),
    [
        ("Corpus.AsyncScenario+<Load>d__5", "MoveNext", "Corpus.AsyncScenario.Load"),
        ("Corpus.AsyncScenario+<Load>d__5`1", "MoveNext", "Corpus.AsyncScenario.Load"),
        ("Corpus.ThreadScenario+<>c", "<Build>b__4_0", "Corpus.ThreadScenario.Build, lambda"),
        ("Corpus.ThreadScenario+<>c__DisplayClass4_0", "<Build>b__2", "Corpus.ThreadScenario.Build, lambda"),
        ("Interop+Sys", "<Accept>g____PInvoke|15_0", "Interop+Sys.Accept, local function __PInvoke"),
        ("A.B+<>c+<<Run>b__0_0>d", "MoveNext", "A.B.Run, lambda"),
        ("A.B+<<Run>g__Inner|3_0>d", "MoveNext", "A.B.Run, local function Inner"),
        ("A.B", "<<Run>b__0>g__Twice|1", "A.B.Run, lambda, local function Twice"),
        ("A.B+<>c", "<.ctor>b__1_0", "A.B..ctor, lambda"),
        ("A.B+<Load>d__5<C+D, E<F>>", "MoveNext", "A.B.Load<C+D, E<F>>"),
        ("A.B<C+D>+<Load>d__5", "MoveNext", "A.B<C+D>.Load"),
        ("A.B+<Load>d__1<A.B+<Run>d__3<C>>", "MoveNext", "A.B.Load<A.B+<Run>d__3<C>>"),
        ("A.B+<>c__53<C>+<<Each>b__53_0>d", "MoveNext", "A.B.Each, lambda"),
        ("A.B+<>c__53`1", "<Each>b__53_0", "A.B.Each, lambda"),
    ],
)
def test_generated_methods_have_the_name_of_their_source(type_name: str, method: str, expected: str) -> None:
    assert source_name(type_name, method) == expected


@pytest.mark.parametrize(
    ("type_name", "method"),
    [("A.B", "Run"), ("A.B", "MoveNext"), ("A.B+Enumerator", "MoveNext"), ("A.B", ".cctor"), ("A.B", "<Clone>$")],
)
def test_others_have_none(type_name: str, method: str) -> None:
    assert source_name(type_name, method) == ""


def test_names_nested_without_end_are_told_back_as_far_as_makes_sense() -> None:
    name = "M"
    for _ in range(40):
        name = f"<{name}>b__0"
    assert source_name("T", name).count("lambda") <= 8
