import pickle

import pytest

from dotdump.records import as_dict, record, replace


@record
class Point:
    x: int
    y: int = 2


@pytest.fixture(scope="module", params=["first", "often"], autouse=True)
def made(request: pytest.FixtureRequest) -> None:
    """Have ``Point`` be a class of which few records were made, or so many that its initialiser is compiled."""
    for number in range(1000 if request.param == "often" else 0):
        Point(number)


def test_fields_are_taken_by_position_by_name_and_by_default() -> None:
    assert Point(1) == Point(1, 2) == Point(x=1, y=2)


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 3}), ((1,), {"x": 1})])
def test_wrong_fields_are_refused(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Point(*args, **kwargs)


def test_a_record_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 3  # type: ignore[misc] # refused, and so it is to be
    with pytest.raises(AttributeError):
        point.w = 3  # type: ignore[attr-defined] # as above


def test_equal_records_have_equal_hashes_and_survive_pickle() -> None:
    assert len({Point(1), Point(1, 2)}) == 1
    assert pickle.loads(pickle.dumps(Point(5))) == Point(5)  # noqa: S301 - our own bytes


def test_replace_and_as_dict_and_repr() -> None:
    assert replace(Point(1), y=7) == Point(1, 7)
    assert as_dict(Point(1)) == {"x": 1, "y": 2}
    assert repr(Point(1)) == "Point(x=1, y=2)"
