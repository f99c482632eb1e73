"""Record what real runtimes answer: ``python tests/golden/ipc/record.py`` with ``tests`` on PYTHONPATH.

Writes VERSION.json beside itself: name of a question to request and answer in hexadecimal. Pid, cookie and command
line are replaced in the bytes by those of ``known``, so that nothing of the machine is left.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import sleep

from corpus import Runtime, runtimes

PID, COOKIE, COMMAND_LINE = 4711, bytes(range(16)), "/usr/bin/dotnet Corpus.dll idle"
ENVIRONMENT = {
    "DOTNET_ROLL_FORWARD": "LatestMajor",
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    "GREETING": "Grüße 🌍",
    "EMPTY": "",
}


def text(value: str) -> bytes:
    return struct.pack("<I", len(data := (value + "\0").encode("utf-16-le")) and len(data) // 2) + data


def ask(command: int, payload: bytes = b"", magic: bytes = b"DOTNET_IPC_V1\0") -> bytes:
    return struct.pack("<14sHBBH", magic, 20 + len(payload), command >> 8, command & 0xFF, 0) + payload


QUESTIONS = {
    "ProcessInfo": ask(0x0400),
    "ProcessInfo2": ask(0x0404),
    "ProcessInfo3": ask(0x0408),
    "ProcessEnvironment": ask(0x0402),
    "ResumeRuntime": ask(0x0401),
    "set a variable": ask(0x0403, text("NAME") + text("value")),
    "unset the variable": ask(0x0403, text("NAME") + bytes(4)),
    "unset it again": ask(0x0403, text("NAME") + bytes(4)),
    "variable with an endless name": ask(0x0403, b"\xff" * 12),
    "unknown set": ask(0x0901),
    "unknown process command": ask(0x04EE),
    "unknown dump command": ask(0x01EE),
    "unknown event pipe command": ask(0x02EE),
    "an answer": ask(0xFF00),
    "another magic": ask(0x0400, magic=b"DOTNET_IPC_V9\0"),
    "dump with an endless path": ask(0x0103, b"\xff" * 12),
    "dump of type 9": ask(0x0103, text("/nowhere/core") + struct.pack("<II", 9, 0)),
    "dump of type 9, command 2": ask(0x0102, text("/nowhere/core") + struct.pack("<II", 9, 0)),
    "dump of type 9, command 1": ask(0x0101, text("/nowhere/core") + struct.pack("<II", 9, 0)),
    "disable perf map": ask(0x0406),
    "stop no session": ask(0x0201, bytes(8)),
}


def record(runtime: Runtime) -> dict[str, dict[str, str]]:
    """Start a runtime and ask it everything; the answers by question."""
    command = runtime.command("idle")
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        sleep(0.5)
        (path,) = Path("/tmp").glob(f"dotnet-diagnostic-{process.pid}-*-socket")
        answers = {name: converse(path, request) for name, request in QUESTIONS.items()}
        process.kill()
    cookie = answers["ProcessInfo"][28:44]
    return {
        name: {"request": QUESTIONS[name].hex(), "answer": known(data, process.pid, cookie, " ".join(command)).hex()}
        for name, data in answers.items()
    }


def converse(path: Path, request: bytes) -> bytes:
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def known(answer: bytes, pid: int, cookie: bytes, command_line: str) -> bytes:
    """Put known values where the answer holds this run's."""
    if text(command_line) not in answer:
        return answer
    changed = answer.replace(text(command_line), text(COMMAND_LINE)).replace(cookie, COOKIE)
    changed = changed.replace(struct.pack("<Q", pid), struct.pack("<Q", PID), 1)
    return changed[:14] + struct.pack("<H", len(changed)) + changed[16:]


if __name__ == "__main__":
    for runtime in runtimes():
        path = Path(__file__).with_name(f"{runtime.version}.json")
        path.write_text(json.dumps(record(runtime), indent=1) + "\n")
        sys.stdout.write(f"{path.name}\n")
