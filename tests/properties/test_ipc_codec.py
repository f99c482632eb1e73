"""The diagnostics IPC codec, both ways: what is written is read again, and no bytes raise anything but our errors."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dotdump.errors import BadMessage, CommandRejected, ProtocolError
from dotdump.ipc.advertise import Advertise, AdvertiseDecoder
from dotdump.ipc.answers import accepted, rejected, require_done
from dotdump.ipc.commands import COMMAND_NAMES, OK, Command
from dotdump.ipc.dump import VERSIONS, GenerateCoreDump
from dotdump.ipc.event_pipe import (
    DEFAULT_RUNDOWN,
    CollectTracing,
    EventFilter,
    Provider,
    SessionType,
    StopTracing,
    Tracepoint,
    needed_command,
)
from dotdump.ipc.ports import parse_port, parse_runtime_ports
from dotdump.ipc.process import (
    ApplyStartupHook,
    EnablePerfMap,
    ProcessInfo,
    SetEnvironmentVariable,
    encode_environment,
    parse_environment,
    parse_environment_size,
)
from dotdump.ipc.profiler import AttachProfiler, StartupProfiler
from dotdump.ipc.requests import Request, parse_request
from dotdump.ipc.wire import Message, MessageDecoder, PayloadReader, guid_text
from dotdump.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
guids = st.binary(min_size=16, max_size=16).map(guid_text)
texts = st.text(max_size=40)
ids = st.lists(u32, max_size=4).map(tuple)
filters = st.builds(EventFilter, st.booleans(), ids).filter(lambda chosen: chosen != EventFilter())
plain_providers = st.builds(Provider, texts, u64, u32, texts)
streamed_providers = st.builds(Provider, texts, u64, u32, texts, st.none() | filters)
user_event_providers = st.builds(
    Provider,
    texts,
    u64,
    u32,
    texts,
    st.none() | filters,
    texts,
    st.lists(st.builds(Tracepoint, texts, ids), max_size=3).map(tuple),
)


def _several(providers: st.SearchStrategy[Provider]) -> st.SearchStrategy[tuple[Provider, ...]]:
    return st.lists(providers, max_size=3).map(tuple)


rundowns = st.sampled_from([0, DEFAULT_RUNDOWN]) | u64
sessions = (
    st.builds(CollectTracing, _several(plain_providers), u32, st.integers(0, 1))
    | st.builds(CollectTracing, _several(plain_providers), u32, st.integers(0, 1), rundowns, st.booleans())
    | st.builds(
        CollectTracing,
        _several(streamed_providers),
        u32,
        u32,
        rundowns,
        st.booleans(),
        st.just(SessionType.STREAM),
        st.integers(0, 1),
    )
    | st.builds(
        CollectTracing,
        _several(user_event_providers),
        st.just(0),
        st.just(1),
        u64,
        st.sampled_from([True]),
        st.just(1),
    )
)
requests = (
    st.builds(GenerateCoreDump, texts, u32, u32, st.sampled_from(VERSIONS))
    | st.builds(StopTracing, u64)
    | sessions.map(lambda session: replace(session, command=needed_command(session)))
    | st.builds(AttachProfiler, guids, texts, u32, st.binary(max_size=40))
    | st.builds(StartupProfiler, guids, texts)
    | st.builds(SetEnvironmentVariable, texts, st.none() | texts)
    | st.builds(EnablePerfMap, u32)
    | st.builds(ApplyStartupHook, texts)
    | st.sampled_from([Message(command) for command in (0x0400, 0x0401, 0x0402, 0x0404, 0x0406, 0x0408)])
)
messages = st.builds(Message, st.integers(0, 0xFFFF), st.binary(max_size=200))


def _message(request: Request) -> Message:
    return request if isinstance(request, Message) else request.encode()


def _decode(data: bytes, cuts: Sequence[int]) -> tuple[Message | None, bytes]:
    """Feed ``data`` in pieces cut at ``cuts``; the pieces after the message are fed too."""
    decoder, message = MessageDecoder(), None
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        message = decoder.feed(data[start:end])
    return message, decoder.rest


@given(messages, st.binary(max_size=50), st.lists(st.integers(0, 300), max_size=6))
def test_a_message_survives_any_split_and_keeps_what_follows(message: Message, rest: bytes, cuts: list[int]) -> None:
    assert _decode(message.encode() + rest, cuts) == (message, rest)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
@example(b"DOTNET_IPC_V1\0\x13\0\x04\0\0\0", [])
def test_no_bytes_break_the_decoder_and_no_split_changes_its_mind(data: bytes, cuts: list[int]) -> None:
    outcomes = []
    for where in ([], cuts):
        try:
            outcomes.append(_decode(data, where))
        except BadMessage as error:
            outcomes.append((Message(0, str(type(error)).encode()), b""))
    assert outcomes[0] == outcomes[1]


@given(requests)
def test_every_request_is_read_as_it_was_written(request: Request) -> None:
    assert parse_request(_message(request)) == request


@given(requests, st.integers(0, 400), st.binary(max_size=8))
def test_a_request_that_is_cut_or_changed_is_read_or_refused(request: Request, at: int, patch: bytes) -> None:
    payload = _message(request).payload
    at %= len(payload) + 1
    for broken in (payload[:at], payload[:at] + patch + payload[at + len(patch) :]):
        with contextlib.suppress(BadMessage):
            parse_request(Message(_message(request).command, broken))


@given(st.sampled_from([*COMMAND_NAMES, 0x0901, OK]), st.binary(max_size=200))
def test_no_payload_breaks_a_request_parser(command: int, payload: bytes) -> None:
    with contextlib.suppress(BadMessage):
        parse_request(Message(command, payload))


@given(st.builds(ProcessInfo, u64, guids, texts, texts, texts, texts, texts, texts, st.integers(1, 3)))
def test_process_info_is_read_as_it_was_written(info: ProcessInfo) -> None:
    kept = 3 + 2 * (info.version >= 2) + (info.version >= 3)
    names = (
        "command_line",
        "operating_system",
        "architecture",
        "entry_assembly",
        "runtime_version",
        "runtime_identifier",
    )
    expected = replace(info, **dict.fromkeys(names[kept:], ""))
    assert ProcessInfo.parse(PayloadReader(info.encode().payload), info.version) == expected


@given(st.integers(1, 3), st.binary(max_size=200))
def test_no_answer_breaks_process_info(version: int, payload: bytes) -> None:
    with contextlib.suppress(BadMessage):
        ProcessInfo.parse(PayloadReader(payload), version)


@given(st.dictionaries(st.text(max_size=20).filter(lambda name: "=" not in name), texts, max_size=6))
def test_an_environment_is_read_as_it_was_written(variables: dict[str, str]) -> None:
    answer, block = encode_environment(variables)
    assert parse_environment_size(accepted(Command.PROCESS_ENVIRONMENT, answer)) == len(block)
    assert parse_environment(block) == variables


@given(st.binary(max_size=200))
def test_no_block_breaks_the_environment(block: bytes) -> None:
    for parse in (parse_environment, lambda data: parse_environment_size(PayloadReader(data))):
        with contextlib.suppress(BadMessage):
            parse(block)


@given(u32, st.none() | st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_rejection_tells_code_and_text(code: int, text: str | None) -> None:
    with pytest.raises(CommandRejected) as caught:
        accepted(Command.GENERATE_CORE_DUMP3, rejected(code, text))
    error = caught.value
    assert (error.code, error.text) == (code, (text or "").strip())


@given(messages)
def test_no_answer_raises_anything_but_our_errors(answer: Message) -> None:
    for read in (accepted, require_done):
        with contextlib.suppress(ProtocolError):
            read(Command.PROCESS_INFO, answer)


@given(guids, u64, st.integers(0, 34))
def test_an_advertise_survives_any_split(cookie: str, pid: int, at: int) -> None:
    data, decoder = Advertise(cookie, pid).encode(), AdvertiseDecoder()
    assert len(data) == 34
    assert decoder.feed(data[:at]) == (Advertise(cookie, pid) if at == 34 else None)
    if at < 34:
        assert decoder.feed(data[at:]) == Advertise(cookie, pid)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"ADVR_V1\0" + data))
def test_no_bytes_break_an_advertise(data: bytes) -> None:
    try:
        advertise = AdvertiseDecoder().feed(data)
    except BadMessage:
        return
    assert advertise is None or advertise.encode()[:-2] == data[:-2]


tags = st.sampled_from(["connect", "listen", "suspend", "nosuspend", "Connect", "LISTEN", "", " ", "what"])


@given(st.lists(st.text(max_size=12) | tags, max_size=5).map(",".join))
@example("uds://host/path,connect")
@example("file:,connect")
def test_any_port_string_is_a_port_or_an_error_and_a_port_says_itself(text: str) -> None:
    try:
        port = parse_port(text)
    except ProtocolError:
        return
    assume("," not in port.address)
    assert port.address
    assert "\0" not in port.address
    again = parse_port(str(port))
    assert (again.mode, again.suspend) == (port.mode, port.suspend)


@given(st.lists(st.lists(st.text(max_size=12) | tags, max_size=4).map(",".join), max_size=4).map(";".join))
def test_any_setting_of_a_runtime_is_a_list_of_ports(text: str) -> None:
    for port in parse_runtime_ports(text):
        assert port.address
        assert not set(port.address) & {",", ";"}
