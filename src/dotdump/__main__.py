"""``python -m dotdump``: the same as the ``dotdump`` command."""

from dotdump.cli.main import run_process

if __name__ == "__main__":
    run_process()
