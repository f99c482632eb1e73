"""The .NET diagnostics IPC protocol: messages, discovery, client, ports."""
