"""The layouts that the package carries: found wherever Python imports the package from."""

import subprocess
import sys
import zipfile
from pathlib import Path

import dotdump
from dotdump.clr import layouts

PACKAGE = Path(dotdump.__file__).parent
NAMES = sorted(path.stem for path in Path(layouts.__file__).parent.glob("*.json"))
SCRIPT = """
import sys
from dotdump.clr.layouts import load
assert __import__("dotdump").__file__.startswith(sys.argv[1])
print(*(name for name in sys.argv[2:] if load(name).types))
"""


def test_layouts_are_read_from_a_zip_file_too(tmp_path: Path) -> None:
    archive = tmp_path / "dotdump.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.json")]:
            packed.write(path, path.relative_to(PACKAGE.parent))
    command = [sys.executable, "-P", "-c", SCRIPT, str(archive), *NAMES]
    done = subprocess.run(command, env={"PYTHONPATH": str(archive)}, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (NAMES, "")
