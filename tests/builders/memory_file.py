"""A file in memory: what ``memory.file`` gives, without a file."""

from dotdump.memory.space import BytesSpace


class MemoryFile(BytesSpace):
    def __init__(self, data: bytes, name: str = "fake.zst") -> None:
        super().__init__([(0, data)])
        self.name = name
        self.size = len(data)
        self.closed = False

    def close(self) -> None:
        self.closed = True
