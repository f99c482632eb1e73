"""The DAC's process: ``python -m dotdump.clr.dac.worker DESCRIPTOR``, a stream socket that its owner holds.

It runs native code on memory out of a dump, so it gives up what it does not need first: the network, new privileges,
writing files, being debugged, outliving its owner.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

from dotdump.clr.dac.messages import Kind, parse_json, receive, send_json
from dotdump.clr.dac.remote_target import RemoteTarget
from dotdump.clr.dac.session import Session
from dotdump.errors import DacFailed, DotdumpError
from dotdump.linux.confine import confine

if TYPE_CHECKING:
    from collections.abc import Callable


def main(descriptor: int) -> None:
    """Serve the owner at ``descriptor`` until it hangs up."""
    confine()
    with socket.socket(fileno=descriptor) as owner:
        session: Session | None = None
        while True:
            try:
                _, body = receive(owner)
            except DacFailed:
                return
            request = parse_json(body)
            try:
                if session is None:
                    target = RemoteTarget(owner, request["runtime_base"], request["runtime_name"])
                    session = Session(request["dac"], target)
                    answer: Any = None
                else:
                    calls: dict[str, Callable[..., Any]] = {
                        "threads": session.threads,
                        "stack": session.stack,
                        "handles": session.handles,
                        "stack_references": session.stack_references,
                    }
                    answer = calls[request["call"]](*request["arguments"])
            except (DotdumpError, OSError) as error:
                send_json(owner, Kind.FAILED, str(error))
            else:
                send_json(owner, Kind.RESULT, answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
