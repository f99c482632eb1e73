from dataclasses import dataclass

from dotdump.report.listing import Choice, as_csv, choose


@dataclass(frozen=True)
class Row:
    name: str
    size: int
    extra: dict[str, str] | None = None
    whole: bool = True


ROWS = [Row("beta", 2), Row("alpha", 3), Row("gamma", 1)]
KEYS = {"size": lambda row: -row.size, "name": lambda row: row.name}


def names(choice: Choice) -> list[str]:
    return [row.name for row in choose(ROWS, choice, lambda row: row.name, KEYS)]


def test_rows_are_matched_sorted_and_cut_in_this_order() -> None:
    assert names(Choice()) == ["beta", "alpha", "gamma"]
    assert names(Choice(sort="size")) == ["alpha", "beta", "gamma"]
    assert names(Choice(pattern="m|b", sort="name", limit=1)) == ["beta"]
    assert names(Choice(pattern="^x")) == []


def test_csv_has_the_fields_of_a_row_and_quotes_what_must_be() -> None:
    rows = [Row('a "b", c', 1, {"2": "0x10", "1": "0x20"}), Row("d", 2, whole=False)]
    text = 'name,size,extra,whole\n"a ""b"", c",1,2=0x10 1=0x20,true\nd,2,,false\n'
    assert as_csv(Row, rows) == text


def test_half_a_surrogate_pair_is_escaped_and_a_whole_one_kept() -> None:
    assert as_csv(Row, [Row("a\ud800b 😀", 1)]).encode().splitlines()[1] == "a\\ud800b 😀,1,,true".encode()
