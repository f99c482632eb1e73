"""Any request, from its message: what a server, or a recorder, dispatches on. A client does not need it."""

from __future__ import annotations

from dotdump.errors import BadMessage
from dotdump.ipc.commands import COMMAND_NAMES, Command, command_name
from dotdump.ipc.dump import GenerateCoreDump
from dotdump.ipc.event_pipe import CollectTracing, StopTracing
from dotdump.ipc.process import ApplyStartupHook, EnablePerfMap, SetEnvironmentVariable
from dotdump.ipc.profiler import AttachProfiler, StartupProfiler
from dotdump.ipc.wire import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

Request = (
    Message
    | GenerateCoreDump
    | CollectTracing
    | StopTracing
    | AttachProfiler
    | StartupProfiler
    | SetEnvironmentVariable
    | EnablePerfMap
    | ApplyStartupHook
)
"""What a peer asks for; a command without a payload is its bare ``Message``."""

_DUMPS = range(Command.GENERATE_CORE_DUMP, Command.GENERATE_CORE_DUMP3 + 1)
_SESSIONS = range(Command.COLLECT_TRACING, Command.COLLECT_TRACING6 + 1)
_PARSERS: dict[int, Callable[[Message], Request]] = {
    **dict.fromkeys(_DUMPS, GenerateCoreDump.parse),
    **dict.fromkeys(_SESSIONS, CollectTracing.parse),
    Command.STOP_TRACING: StopTracing.parse,
    Command.ATTACH_PROFILER: AttachProfiler.parse,
    Command.STARTUP_PROFILER: StartupProfiler.parse,
    Command.SET_ENVIRONMENT_VARIABLE: SetEnvironmentVariable.parse,
    Command.ENABLE_PERF_MAP: EnablePerfMap.parse,
    Command.APPLY_STARTUP_HOOK: ApplyStartupHook.parse,
}
_BARE = COMMAND_NAMES.keys() - _PARSERS.keys()


class UnknownCommand(BadMessage):
    """A request for something that is no command: servers answer this one with a code of its own."""


def parse_request(message: Message) -> Request:
    """Return what ``message`` asks for; raises ``UnknownCommand``, or ``BadMessage`` for a payload that is none."""
    if message.command in _BARE:
        return Message(message.command)
    parse = _PARSERS.get(message.command)
    if parse is None:
        raise UnknownCommand(f"no request: {command_name(message.command)}")
    return parse(message)
