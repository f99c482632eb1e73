from __future__ import annotations

import pytest

from dotdump.analysis.wait_rules import WaitKind, tell_wait

MINE = "Corpus.Orders.Load(Int32)"
MONITOR_WAIT = "System.Threading.Monitor.Wait(System.Object, Int32)"
EVENT_WAIT = "System.Threading.ManualResetEventSlim.Wait(Int32, System.Threading.CancellationToken)"
HANDLE = "System.Threading.WaitHandle.WaitOneNoCheck(Int32)"
TASK = "System.Threading.Tasks.Task"


@pytest.mark.parametrize(
    ("methods", "kind"),
    [
        ([MONITOR_WAIT], WaitKind.PULSE),
        ([MONITOR_WAIT, EVENT_WAIT], WaitKind.EVENT),
        ([MONITOR_WAIT, EVENT_WAIT, f"{TASK}.InternalWaitCore(Int32)", f"{TASK}.Wait()"], WaitKind.TASK),
        ([MONITOR_WAIT, EVENT_WAIT, f"{TASK}`1[[System.Int32, System.Private.CoreLib]].get_Result()"], WaitKind.TASK),
        (["System.Runtime.CompilerServices.TaskAwaiter.GetResult()"], WaitKind.TASK),
        ([HANDLE], WaitKind.HANDLE),
        ([HANDLE, "System.Threading.Lock.TryEnterSlow(Int32, ThreadId)"], WaitKind.LOCK),
        ([HANDLE, "System.Threading.ReaderWriterLockSlim.EnterWriteLock()"], WaitKind.READER_WRITER_LOCK),
        ([MONITOR_WAIT, "System.Threading.SemaphoreSlim.Wait(Int32)"], WaitKind.SEMAPHORE),
        (["System.Threading.Monitor.Enter_Slowpath(System.Object)"], WaitKind.MONITOR),
        (["System.Threading.Thread.Sleep(Int32)"], WaitKind.SLEEP),
        (["System.Threading.Thread.Join(Int32)"], WaitKind.JOIN),
        (["ILStubClass.IL_STUB_PInvoke()", "System.Net.Sockets.Socket.Accept()"], WaitKind.SOCKET),
        (["Interop+Sys.WaitForSocketEvents()", "System.Net.Sockets.SocketAsyncEngine.EventLoop()"], WaitKind.IDLE),
        ([HANDLE, "System.Threading.TimerQueue.TimerThread()"], WaitKind.IDLE),
        (["System.Threading.LowLevelLifoSemaphore.WaitNative(Int32)"], WaitKind.IDLE),
    ],
)
def test_what_is_nearest_to_the_program_says_what_a_thread_waits_for(methods: list[str], kind: WaitKind) -> None:
    told = tell_wait([*methods, MINE, "System.Threading.Thread.Sleep(Int32)"])
    assert told is not None
    assert told.rule.kind is kind


@pytest.mark.parametrize(
    "methods", [[], [MINE], [MINE, MONITOR_WAIT], ["System.String.Concat()"], ["Systematic.Wait()"]]
)
def test_a_stack_whose_top_says_nothing_tells_nothing(methods: list[str]) -> None:
    assert tell_wait(methods) is None
