"""Tokens: a row of a metadata image by its table, in the highest byte, and its number (ECMA-335 III.1.9)."""

ROW_ID = 0xFFFFFF
"""The part of a token that is the row's number; the constants below are the rest of it."""
TYPE_DEF = 0x02000000
FIELD = 0x04000000
METHOD_DEF = 0x06000000
STAND_ALONE_SIG = 0x11000000
