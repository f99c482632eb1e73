"""The instructions of call frame information, run up to an address: how a caller's registers are found there.

A row is a rule for the canonical frame address (CFA) and one for each register that a rule is given for. Nothing is
read but the instructions themselves; whoever applies a row has registers and memory. Source of truth: DWARF 5, 6.4.2
and 6.4.3; GNU and AArch64 additions as GCC and LLVM emit them.
"""

from __future__ import annotations

from enum import IntEnum

from dotdump.formats.dwarf_cursor import Bases, Cursor
from dotdump.limits import CFI_INSTRUCTIONS, CFI_REGISTERS, CFI_STATES
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dotdump.formats.dwarf_cfi import Cie, Fde

_NO_BASES = Bases()


class RuleKind(IntEnum):
    """How a register of the caller is found."""

    UNDEFINED = 0
    SAME_VALUE = 1
    OFFSET = 2
    """In memory at CFA + operand."""
    VAL_OFFSET = 3
    """It is CFA + operand."""
    REGISTER = 4
    """In register number operand."""
    EXPRESSION = 5
    """In memory where an expression says."""
    VAL_EXPRESSION = 6
    """It is what an expression says."""


@record
class Rule:
    """How one register is found. ``operand`` is an offset in bytes or a register's number."""

    kind: RuleKind
    operand: int = 0
    expression: bytes = b""


@record
class CfaRule:
    """The CFA is register ``register`` + ``offset``, or what ``expression`` says where there is one."""

    register: int
    offset: int
    expression: bytes | None = None


@record
class Row:
    """Rules that hold at an address. ``signed`` where the return address carries a pointer authentication code."""

    cfa: CfaRule | None
    rules: Mapping[int, Rule]
    signed: bool = False


def row_at(fde: Fde, address: int) -> Row:
    """Return the row for the instruction at ``address``, which lies in ``fde``; ``FormatError``."""
    initial = _Rows(fde.cie, fde.start)
    initial.run(Cursor(fde.cie.instructions, fde.cie.address), address)
    rows = _Rows(fde.cie, fde.start, initial)
    rows.run(Cursor(fde.instructions, fde.address), address)
    return Row(rows.cfa, rows.rules, rows.signed)


class _Rows:
    """The table as it is built, line by line. ``initial`` is what the common instructions came to."""

    __slots__ = ("cfa", "cie", "initial", "location", "rules", "saved", "signed")

    def __init__(self, cie: Cie, location: int, initial: _Rows | None = None) -> None:
        self.cie = cie
        self.location = location
        self.initial: Mapping[int, Rule] = initial.rules if initial else {}
        self.cfa: CfaRule | None = initial.cfa if initial else None
        self.rules: dict[int, Rule] = dict(self.initial)
        self.signed: bool = initial.signed if initial else False
        self.saved: list[tuple[CfaRule | None, dict[int, Rule], bool]] = []

    def run(self, cursor: Cursor, address: int) -> None:
        """Run instructions until the line after the one for ``address`` would begin."""
        for _ in range(CFI_INSTRUCTIONS):
            if cursor.at_end:
                return
            opcode = cursor.u8()
            step = self._next_location(opcode, cursor)
            if step is None:
                self._change(opcode, cursor)
            elif step > address:
                return
            else:
                self.location = step
        raise cursor.damaged(f"more than {CFI_INSTRUCTIONS} instructions")

    def _next_location(self, opcode: int, cursor: Cursor) -> int | None:
        """Return where the line ends that instruction ``opcode`` ends, or None where it ends none."""
        if opcode & 0xC0 == 0x40:
            return self.location + (opcode & 0x3F) * self.cie.code_alignment
        if opcode == 0x01:
            return cursor.pointer(self.cie.encoding, _NO_BASES)
        read = _ADVANCES.get(opcode)
        return None if read is None else self.location + read(cursor) * self.cie.code_alignment

    def _change(self, opcode: int, cursor: Cursor) -> None:
        high, low = opcode & 0xC0, opcode & 0x3F
        if high == 0x80:
            self.set(low, Rule(RuleKind.OFFSET, cursor.uleb() * self.cie.data_alignment))
        elif high == 0xC0:
            self.restore(low)
        elif (change := _CHANGES.get(opcode)) is not None:
            change(self, cursor)
        else:
            raise cursor.damaged(f"call frame instruction {opcode:#x}")

    def set(self, register: int, rule: Rule) -> None:
        """Give ``register`` a rule; vector registers beyond those that anyone follows are passed over."""
        if register < CFI_REGISTERS:
            self.rules[register] = rule

    def restore(self, register: int) -> None:
        """Give ``register`` the rule back that the common instructions gave it, if they did."""
        if (rule := self.initial.get(register)) is None:
            self.rules.pop(register, None)
        else:
            self.rules[register] = rule

    def remember(self, cursor: Cursor) -> None:
        """Keep all rules."""
        if len(self.saved) >= CFI_STATES:
            raise cursor.damaged(f"more than {CFI_STATES} remembered states")
        self.saved.append((self.cfa, dict(self.rules), self.signed))

    def recall(self, cursor: Cursor) -> None:
        """Take back what was kept last."""
        if not self.saved:
            raise cursor.damaged("no remembered state to restore")
        self.cfa, self.rules, self.signed = self.saved.pop()

    def base_on(self, register: int) -> None:
        """Change the register of the CFA's rule."""
        self.cfa = CfaRule(register, self.cfa.offset if self.cfa else 0)

    def move(self, cursor: Cursor, offset: int) -> None:
        """Change the offset of the CFA's rule."""
        if self.cfa is None or self.cfa.expression is not None:
            raise cursor.damaged("an offset for a CFA that is not a register and an offset")
        self.cfa = CfaRule(self.cfa.register, offset)


def _offset(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.OFFSET, cursor.uleb() * rows.cie.data_alignment))


def _offset_signed(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.OFFSET, cursor.sleb() * rows.cie.data_alignment))


def _offset_negative(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.OFFSET, -cursor.uleb() * rows.cie.data_alignment))


def _value_offset(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.VAL_OFFSET, cursor.uleb() * rows.cie.data_alignment))


def _value_offset_signed(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.VAL_OFFSET, cursor.sleb() * rows.cie.data_alignment))


def _register(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.REGISTER, cursor.uleb()))


def _expression(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.EXPRESSION, 0, cursor.block(cursor.uleb())))


def _value_expression(rows: _Rows, cursor: Cursor) -> None:
    rows.set(cursor.uleb(), Rule(RuleKind.VAL_EXPRESSION, 0, cursor.block(cursor.uleb())))


def _cfa(rows: _Rows, cursor: Cursor) -> None:
    rows.cfa = CfaRule(cursor.uleb(), cursor.uleb())


def _cfa_signed(rows: _Rows, cursor: Cursor) -> None:
    rows.cfa = CfaRule(cursor.uleb(), cursor.sleb() * rows.cie.data_alignment)


def _cfa_expression(rows: _Rows, cursor: Cursor) -> None:
    rows.cfa = CfaRule(0, 0, cursor.block(cursor.uleb()))


def _toggle_signature(rows: _Rows, _cursor: Cursor) -> None:
    rows.signed = not rows.signed


def _arguments_size(_rows: _Rows, cursor: Cursor) -> None:
    """DW_CFA_GNU_args_size says how much a handler has to pop; the CFA stays."""
    cursor.uleb()


def _nothing(_rows: _Rows, _cursor: Cursor) -> None:
    pass


_ADVANCES: dict[int, Callable[[Cursor], int]] = {
    0x02: Cursor.u8,
    0x03: Cursor.u16,
    0x04: Cursor.u32,
    0x1D: Cursor.u64,  # DW_CFA_MIPS_advance_loc8
}
_CHANGES: dict[int, Callable[[_Rows, Cursor], None]] = {
    0x00: _nothing,
    0x05: _offset,
    0x06: lambda rows, cursor: rows.restore(cursor.uleb()),
    0x07: lambda rows, cursor: rows.set(cursor.uleb(), Rule(RuleKind.UNDEFINED)),
    0x08: lambda rows, cursor: rows.set(cursor.uleb(), Rule(RuleKind.SAME_VALUE)),
    0x09: _register,
    0x0A: lambda rows, cursor: rows.remember(cursor),
    0x0B: lambda rows, cursor: rows.recall(cursor),
    0x0C: _cfa,
    0x0D: lambda rows, cursor: rows.base_on(cursor.uleb()),
    0x0E: lambda rows, cursor: rows.move(cursor, cursor.uleb()),
    0x0F: _cfa_expression,
    0x10: _expression,
    0x11: _offset_signed,
    0x12: _cfa_signed,
    0x13: lambda rows, cursor: rows.move(cursor, cursor.sleb() * rows.cie.data_alignment),
    0x14: _value_offset,
    0x15: _value_offset_signed,
    0x16: _value_expression,
    0x2C: _toggle_signature,  # DW_CFA_AARCH64_negate_ra_state_with_pc
    0x2D: _toggle_signature,  # DW_CFA_AARCH64_negate_ra_state
    0x2E: _arguments_size,
    0x2F: _offset_negative,
}
