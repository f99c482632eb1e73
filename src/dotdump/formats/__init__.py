"""Byte layouts: bytes to records and back. No I/O."""
