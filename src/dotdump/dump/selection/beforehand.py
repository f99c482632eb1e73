"""What stacks are walked and named with, imported before a process is stopped: it would wait for that, too.

Elsewhere these modules are imported when they are asked for.
"""

import codecs

import dotdump.clr.contracts.assemblies
import dotdump.clr.contracts.debug_info
import dotdump.clr.contracts.execution_manager
import dotdump.clr.contracts.method_names
import dotdump.clr.contracts.stack_walk
import dotdump.clr.contracts.threads
import dotdump.clr.contracts.type_strings
import dotdump.clr.model.array
import dotdump.clr.model.exception
import dotdump.clr.model.method
import dotdump.clr.model.thread
import dotdump.clr.model.thread_objects  # noqa: F401 - later imports find it

codecs.lookup("utf-16-le")
