"""A row of call frame information made ready to be applied many times, and its application to a frame's registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.dwarf_expression import evaluate
from dotdump.formats.dwarf_rows import RuleKind
from dotdump.memory.space import ADDRESS_MASK
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.formats.dwarf_cfi import Fde
    from dotdump.formats.dwarf_rows import CfaRule, Row, Rule
    from dotdump.unwind.effort import Effort
    from dotdump.unwind.registers import DwarfRegisters
    from dotdump.unwind.stack_words import StackWords


@record
class Plan:
    """How the caller's registers are found. ``stored`` are those that lie at an offset from the CFA: nearly all.

    ``kept`` have the same value in the caller; ``signal`` where the caller was interrupted and made no call, and
    ``fault`` where that was by a fault whose signal has been handled.
    """

    cfa: CfaRule
    kept: tuple[int, ...]
    stored: tuple[tuple[int, int], ...]
    others: tuple[tuple[int, Rule], ...]
    return_register: int
    ends: bool
    signal: bool
    signed: bool
    fault: bool = False


def plan_of(row: Row, fde: Fde, registers: DwarfRegisters) -> Plan:
    """Return ``row`` as a plan; ``FormatError`` where it has no CFA."""
    if row.cfa is None:
        raise FormatError(f"no CFA for the function at {fde.start:#x}", source="call frame information")
    rules, cie = row.rules, fde.cie
    kept = set(registers.names if cie.signal_frame else registers.callee_saved) - {registers.stack_pointer}
    ruled = {number for number, rule in rules.items() if rule.kind is not RuleKind.SAME_VALUE}
    same = {number for number, rule in rules.items() if rule.kind is RuleKind.SAME_VALUE}
    ending = rules.get(cie.return_register)
    simple = (RuleKind.OFFSET, RuleKind.UNDEFINED, RuleKind.SAME_VALUE)
    return Plan(
        cfa=row.cfa,
        kept=tuple(sorted((same | kept) - ruled)),
        stored=tuple((number, rule.operand) for number, rule in rules.items() if rule.kind is RuleKind.OFFSET),
        others=tuple((number, rule) for number, rule in rules.items() if rule.kind not in simple),
        return_register=cie.return_register,
        ends=ending is not None and ending.kind is RuleKind.UNDEFINED,
        signal=cie.signal_frame,
        signed=row.signed,
    )


def cfa_of(plan: Plan, registers: Mapping[int, int], words: StackWords, effort: Effort) -> int:
    """Return the canonical frame address; ``FormatError`` where it depends on a register that is not known."""
    rule = plan.cfa
    if rule.expression is not None:
        return evaluate(rule.expression, registers, words, (), effort.spend)
    value = registers.get(rule.register)
    if value is None:
        raise FormatError(f"the CFA depends on register {rule.register}, whose value is not known")
    return (value + rule.offset) & ADDRESS_MASK


def caller_registers(
    plan: Plan, cfa: int, registers: Mapping[int, int], words: StackWords, effort: Effort
) -> dict[int, int]:
    """Return those of the caller's registers that are known, the return address among them by its number."""
    caller = {number: registers[number] for number in plan.kept if number in registers}
    for number, offset in plan.stored:
        caller[number] = words.word((cfa + offset) & ADDRESS_MASK)
    for number, rule in plan.others:
        value = _ruled(rule, cfa, registers, words, effort)
        if value is not None:
            caller[number] = value
    return caller


def _ruled(rule: Rule, cfa: int, registers: Mapping[int, int], words: StackWords, effort: Effort) -> int | None:
    if rule.kind is RuleKind.VAL_OFFSET:
        return (cfa + rule.operand) & ADDRESS_MASK
    if rule.kind is RuleKind.REGISTER:
        return registers.get(rule.operand)
    value = evaluate(rule.expression, registers, words, (cfa,), effort.spend)
    return words.word(value) if rule.kind is RuleKind.EXPRESSION else value
