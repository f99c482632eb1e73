"""The .NET diagnostics IPC protocol: messages, the socket of a process, a client, diagnostic ports.

``wire`` and the four command sets (``dump``, ``event_pipe``, ``profiler``, ``process``) are sans-I/O and work in both
directions; ``discovery`` finds and distrusts sockets; ``client`` asks. Source of truth: the protocol's specification
in dotnet/diagnostics (``documentation/design-docs/ipc-protocol.md``) and the runtime's answers, recorded in the tests.
"""
