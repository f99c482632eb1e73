"""Answers: yes with a payload, or no with an HRESULT and perhaps a text. Both directions; knows no command."""

from __future__ import annotations

from dotdump.errors import BadMessage, CommandRejected
from dotdump.ipc.commands import ERROR, OK, HResult, command_name, hresult_name
from dotdump.ipc.wire import Message, PayloadReader, PayloadWriter

_FAILED = 0x80000000


def done() -> Message:
    """Return the answer of a command whose only result is that it was done: S_OK."""
    return PayloadWriter().u32(HResult.S_OK).message(OK)


def rejected(code: int, text: str | None = None) -> Message:
    """Return the answer that says no; ``text`` is what GenerateCoreDump3 sends besides."""
    writer = PayloadWriter().u32(code & 0xFFFFFFFF)
    return (writer if text is None else writer.string(text)).message(ERROR)


def accepted(command: int, answer: Message) -> PayloadReader:
    """Return the payload of a yes to ``command``; raises ``CommandRejected`` for a no, ``BadMessage`` for neither."""
    name = command_name(command)
    payload = PayloadReader(answer.payload, f"answer to {name}")
    if answer.command == OK:
        return payload
    if answer.command != ERROR:
        raise BadMessage(f"the answer to {name} is neither yes nor no but 0x{answer.command:04X}")
    code = payload.u32()
    raise CommandRejected(name, code, hresult_name(code), payload.string().strip() if payload.remaining else "")


def require_done(command: int, answer: Message) -> None:
    """Check the answer of a command whose result is an HRESULT; raises ``CommandRejected`` where it is a failure."""
    code = accepted(command, answer).u32()
    if code & _FAILED:
        raise CommandRejected(command_name(command), code, hresult_name(code))
