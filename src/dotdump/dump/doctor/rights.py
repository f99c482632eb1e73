"""Checks of rights: who we are, who the target is, and what the kernel lets us do to it.

Source of truth: ptrace(2), "Ptrace access mode checking"; Documentation/admin-guide/LSM/Yama.rst; seccomp(2).
"""

from __future__ import annotations

from dotdump.dump.doctor.facts import CAP_SYS_PTRACE, Facts, Subject
from dotdump.dump.doctor.finding import Finding, ok, problem, warning
from dotdump.linux.errors import FILTER_HINT

_GRANT = "run as root, or give the container SYS_PTRACE (docker run --cap-add SYS_PTRACE)"


def user(facts: Facts, subject: Subject) -> Finding:
    """Whether we are the target's user, or root: the socket is its user's alone."""
    caller, theirs = facts.caller, set(subject.uids[:3])
    if caller.uid == 0:
        return ok("user", f"we are root, it runs as {subject.user}")
    if theirs == {caller.uid}:
        return ok("user", f"we and it are {caller.user}")
    seen = f"we are {caller.user}, it runs as {subject.user}"
    if len(theirs) > 1:
        return problem("user", f"{seen}, having changed its user", "run as root (sudo dotdump …)")
    who = "root" if subject.user == "root" else f"{subject.user} or as root"
    return problem("user", seen, f"run as {who} (sudo dotdump …)")


def ptrace_scope(facts: Facts) -> Finding:
    """Yama: who may trace whom. The runtime's own createdump is let in by PR_SET_PTRACER up to scope 1."""
    scope, lower = facts.yama, "sysctl -w kernel.yama.ptrace_scope=1"
    if not scope:
        return ok("ptrace scope", "no Yama in this kernel" if scope is None else "ptrace_scope is 0")
    if scope >= 3:
        return problem(
            "ptrace scope", f"ptrace_scope is {scope}: nobody may trace anybody", "it can only be changed by a reboot"
        )
    if facts.caller.may_trace_anyone and (scope == 1 or _may_trace(facts.subject)):
        return ok("ptrace scope", f"ptrace_scope is {scope}, and we have CAP_SYS_PTRACE")
    if scope == 2:
        return problem("ptrace scope", "ptrace_scope is 2: tracing needs CAP_SYS_PTRACE", f"{_GRANT}, or {lower}")
    return warning(
        "ptrace scope",
        "ptrace_scope is 1: the runtime's createdump may trace it, dotdump itself only with CAP_SYS_PTRACE",
        "the runtime's own way works; for the other, run as root or sysctl -w kernel.yama.ptrace_scope=0",
    )


def capability(facts: Facts) -> Finding:
    """CAP_SYS_PTRACE, in each of the sets that matter."""
    caller, name = facts.caller, "ptrace capability"
    if caller.effective & CAP_SYS_PTRACE:
        kept = ", ambient too" if caller.ambient & CAP_SYS_PTRACE else ""
        return ok(name, f"we have CAP_SYS_PTRACE{kept}")
    if caller.permitted & CAP_SYS_PTRACE:
        return warning(
            name,
            "we have CAP_SYS_PTRACE, but it is not in effect",
            "start dotdump with it: setpriv --inh-caps +sys_ptrace --ambient-caps +sys_ptrace dotdump …",
        )
    if caller.uid == 0:
        return warning(name, "we are root without CAP_SYS_PTRACE", _GRANT)
    return ok(name, "we have no CAP_SYS_PTRACE: good for processes of our own")


def dumpable(facts: Facts, subject: Subject) -> Finding:
    """PR_SET_DUMPABLE: a process that changed its user or was hardened gives its memory to root alone."""
    if subject.dumpable is None:
        return ok("dumpable", "it does not show whether it is dumpable (it is root's)")
    if subject.dumpable:
        return ok("dumpable", "it may be dumped by its own user")
    seen = "it is not dumpable (PR_SET_DUMPABLE is 0): createdump, which runs as its user, may not read it"
    if facts.caller.may_trace_anyone:
        return warning("dumpable", f"{seen}; we may", "the runtime's own way fails; dump it by ptrace, as root")
    return problem("dumpable", seen, f"{_GRANT}, or have the program call prctl(PR_SET_DUMPABLE, 1)")


def seccomp(subject: Subject) -> Finding:
    """System call filters: createdump, being the target's child, inherits the target's."""
    if not subject.seccomp:
        return ok("seccomp", "unknown to this kernel" if subject.seccomp is None else "no filter")
    if subject.seccomp == 1:
        return problem("seccomp", "strict mode: it may only read, write and exit", "start it without strict seccomp")
    return warning(
        "seccomp",
        "it runs under a system call filter, and so will its createdump",
        "where ptrace is refused, allow it in the profile (docker run --security-opt seccomp=PROFILE)",
    )


def own_methods(facts: Facts, subject: Subject) -> Finding:
    """Whether we may surely trace it: then we dump it whatever its runtime can.

    Who may open its memory passes the kernel's checks for tracing, but for Yama's.
    """
    name, scope = "own methods", facts.yama or 0
    if subject.tracer or subject.state in "ZXxt":
        return warning(name, "it cannot be traced as it is", "see the other findings")
    if facts.caller.filtered:
        return warning(name, ptrace_call(facts).seen, FILTER_HINT)
    if subject.readable and (scope == 0 or (facts.caller.may_trace_anyone and scope < 3)):
        return ok(name, "dotdump may trace it: its own dumps need nothing of its runtime")
    return warning(name, "dotdump may not trace it, or not surely: the runtime's own way is left", _GRANT)


def ptrace_call(facts: Facts) -> Finding:
    """Whether the call that traces is ours to make at all: profiles of containers and services leave it out."""
    if facts.caller.filtered:
        return problem("ptrace call", "a filter of system calls (seccomp) refuses ptrace to dotdump", FILTER_HINT)
    return ok("ptrace call", "not filtered")


def user_namespace(facts: Facts, subject: Subject) -> Finding:
    """Capabilities count only in one's own user namespace and those below it."""
    ours, theirs = facts.caller.namespaces.user, subject.namespaces.user
    if theirs is None:
        return warning("user namespace", "it may not be looked at", "run as root, or as its user")
    if ours == theirs:
        return ok("user namespace", "the same as ours")
    return warning(
        "user namespace",
        f"it is in another one, user:[{theirs}]",
        "it works from the namespace that made it (rootless containers: as the user who started them)",
    )


def pid_namespace(facts: Facts, subject: Subject) -> Finding:
    """Whether it has another pid for itself, as in a container: that one names its socket."""
    ours, theirs = facts.caller.namespaces.pid, subject.namespaces.pid
    if theirs is None:
        return warning("pid namespace", "it may not be looked at", "run as root, or as its user")
    if ours == theirs:
        return ok("pid namespace", "the same as ours")
    return ok("pid namespace", f"another one, in which it is process {subject.namespace_pid}")


def mount_namespace(facts: Facts, subject: Subject) -> Finding:
    """Files of a container are reached through /proc/PID/root."""
    ours, theirs = facts.caller.namespaces.mount, subject.namespaces.mount
    if theirs is not None and ours == theirs:
        return ok("mount namespace", "the same as ours")
    if subject.root_reachable:
        return ok("mount namespace", f"another one, reached through /proc/{subject.pid}/root")
    return problem(
        "mount namespace",
        f"its files cannot be reached: /proc/{subject.pid}/root may not be entered",
        "run as root with CAP_SYS_PTRACE, or inside the container (kubectl debug --target, docker exec)",
    )


def tracer(subject: Subject) -> Finding:
    """Whether gdb, strace or another dumper holds it: a process can have one tracer."""
    if not subject.tracer:
        return ok("tracer", "nobody traces it")
    who = f"process {subject.tracer}" + (f" ({subject.tracer_name})" if subject.tracer_name else "")
    return problem("tracer", f"{who} traces it already", f"end or detach {who} first")


def _may_trace(subject: Subject | None) -> bool:
    return subject is None or bool(subject.effective & CAP_SYS_PTRACE)
