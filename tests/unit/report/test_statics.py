from dotdump.analysis.statics import StaticList, StaticRow
from dotdump.report.listing import Choice
from dotdump.report.statics import render_statics, select

NAMES = ("Shop.First", "Shop.Second", "Shop.Third")
ROWS = tuple(
    StaticRow(name, "int", "1", "0x10", None, None, None, initialized=True, method_table="0x20") for name in NAMES
)
FOUND = StaticList(".NET 9", len(ROWS), ROWS, ())


def test_the_total_is_that_of_all_fields_whatever_is_shown() -> None:
    for limit in (None, 2):
        text = render_statics(select(FOUND, Choice(limit=limit)), None)
        assert text.endswith("\n\n3 static fields (.NET 9)")
        assert text.count("Shop.") == (limit or 3)
