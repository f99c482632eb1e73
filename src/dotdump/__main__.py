"""``python -m dotdump``: the same as the ``dotdump`` command."""

import sys

from dotdump.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
