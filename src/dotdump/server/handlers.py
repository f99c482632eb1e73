"""From a request to an answer. Knows nothing of connections.

What a runtime can do and a Python program cannot (event sessions, profilers, perf maps, start-up hooks) is read, so
that a broken request is told from an impossible one, and refused with the code that runtimes have for it. Stopping a
session that is not there is answered as runtimes do: yes, with the number 0.
"""

from __future__ import annotations

import codecs

from dotdump.errors import BadMessage
from dotdump.ipc.answers import done, rejected
from dotdump.ipc.commands import Command, HResult
from dotdump.ipc.dump import DumpType, GenerateCoreDump
from dotdump.ipc.event_pipe import StopTracing, encode_session
from dotdump.ipc.process import PROCESS_INFO_VERSIONS, SetEnvironmentVariable, encode_environment
from dotdump.ipc.requests import UnknownCommand, parse_request
from dotdump.ipc.wire import UnknownMagic
from dotdump.server.program import current_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.ipc.requests import Request
    from dotdump.ipc.wire import Message
    from dotdump.server.program import Program


codecs.lookup("utf-16-le")  # while it can be: a program may give up its rights or its root before it is first asked

_LONGEST_TEXT = 4096
"""Characters of why a dump failed; runtimes send 1024. A message has room for 32,000."""


def answer(message: Message, program: Program, resume: Callable[[], None]) -> bytes | GenerateCoreDump:
    """Return the bytes to send, or the dump that has to be written before there is an answer."""
    try:
        request = parse_request(message)
    except BadMessage as error:
        return refusal(error)
    if isinstance(request, GenerateCoreDump):
        return request if request.type in [*DumpType] else dump_answer(request, "")
    try:
        return _answer_at_once(message.command, request, program, resume)
    except BadMessage:  # more than fits into a message: a long command line
        return rejected(HResult.E_FAIL).encode()


def refusal(error: BadMessage) -> bytes:
    """Return the answer to bytes that are no request, with the code for what is wrong with them."""
    codes = {UnknownMagic: HResult.UNKNOWN_MAGIC, UnknownCommand: HResult.UNKNOWN_COMMAND}
    return rejected(codes.get(type(error), HResult.BAD_ENCODING)).encode()


def dump_answer(request: GenerateCoreDump, failure: str | None) -> bytes:
    """Return the answer to a dump that was written, or failed with a text, which only the newest command carries."""
    if failure is None:
        return done().encode()
    text = failure[:_LONGEST_TEXT] if request.command == Command.GENERATE_CORE_DUMP3 else None
    return rejected(HResult.E_FAIL, text).encode()


def _answer_at_once(command: int, request: Request, program: Program, resume: Callable[[], None]) -> bytes:
    if command in PROCESS_INFO_VERSIONS:
        return program.info(PROCESS_INFO_VERSIONS.index(command) + 1).encode().encode()
    if command == Command.PROCESS_ENVIRONMENT:
        message, block = encode_environment(current_environment())
        return message.encode() + block
    if command == Command.RESUME_RUNTIME:
        resume()
        return done().encode()
    if isinstance(request, StopTracing):
        return encode_session(0).encode()
    if isinstance(request, SetEnvironmentVariable):
        return _set_variable(request, program)
    return rejected(HResult.NOT_SUPPORTED).encode()


def _set_variable(request: SetEnvironmentVariable, program: Program) -> bytes:
    try:
        if request.value is None:
            unset = program.unset_variable(request.name)
            return done().encode() if unset else rejected(HResult.ENVVAR_NOT_FOUND).encode()
        program.set_variable(request.name, request.value)
    except (ValueError, OSError):
        return rejected(HResult.E_INVALIDARG).encode()
    return done().encode()
