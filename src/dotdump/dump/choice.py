"""``choose_kept``: what a dump of a live process keeps, by its type and by what was asked for."""

from __future__ import annotations

from dotdump.dump import plan
from dotdump.dump.selection.selected import Selection
from dotdump.ipc.dump import DumpType
from dotdump.linux.devices import devices_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.capture import Task
    from dotdump.dump.own_method import OwnOptions
    from dotdump.target.process import ProcessTarget
    from dotdump.target.snapshot import SnapshotTarget


def make_ready(dump_type: DumpType) -> None:
    """Import what chooses, which takes as long as choosing: before the process is stopped."""
    if dump_type is not DumpType.FULL:
        import dotdump.dump.selection.beforehand
        import dotdump.dump.selection.choose
        import dotdump.dump.timed_target
    if dump_type is DumpType.TRIAGE:
        import dotdump.dump.selection.redaction  # noqa: F401 - later imports find them


def choose_kept(target: ProcessTarget | SnapshotTarget, task: Task, options: OwnOptions) -> Selection:
    """Return what to keep; without what chooses, where all is kept."""
    files = _file_pages(target, task, options)
    if task.type is DumpType.FULL:
        return Selection(plan.full(target.regions, files=files, page_size=target.platform.page_size))
    from dotdump.dump.selection.choose import choose
    from dotdump.dump.timed_target import TimedTarget

    return choose(TimedTarget(target, task.deadline), task.type, files=files, drop_free=options.drop_free)


def _file_pages(target: ProcessTarget | SnapshotTarget, task: Task, options: OwnOptions) -> plan.FilePages:
    """Return what is kept of files, with what the process changed of them where the type might leave that out."""
    whole = options.file_backed and task.type is not DumpType.HEAP
    changed = () if whole else target.memory.copied(plan.file_ranges(target.regions))
    places = target.places
    devices = devices_of(target.regions, places.roots, places.chroot)
    return plan.FilePages(options.file_backed, changed, devices)
