from dotdump.memory.space import BytesSpace, MemoryRange


def test_chunks_are_read_in_order_and_as_one_where_they_meet() -> None:
    space = BytesSpace([(8, b"cd"), (6, b"ab"), (20, b"z"), (4, b"")])
    assert space.ranges() == [MemoryRange(6, 8), MemoryRange(8, 10), MemoryRange(20, 21)]
    assert space.read(6, 4) == b"abcd"
    assert space.read_available(9, 100) == b"d"
    assert space.view(6, 4) is None


def test_of_chunks_at_one_address_as_false_headers_may_make_there_is_one() -> None:
    assert BytesSpace([(8, b"ab"), (8, b"cd")]).read(8, 2) in (b"ab", b"cd")
