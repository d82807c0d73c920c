"""Put the bill of materials of each wheel beside it, so that it can be read without unpacking.

python tools/release/bill_of_materials.py dist
"""

from __future__ import annotations

import json
import pathlib
import sys
import zipfile


def extract(wheel: pathlib.Path) -> pathlib.Path:
    """Write the wheel's CycloneDX document next to it; returns its path."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if ".dist-info/sboms/" in name and name.endswith(".cyclonedx.json"))
        document = json.loads(archive.read(name))
    if document["bomFormat"] != "CycloneDX" or not document["components"]:
        raise SystemExit(f"{wheel.name}: {name} lists nothing")
    path = wheel.with_suffix(".cyclonedx.json")
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def main() -> int:
    """Extract those of all wheels of a folder."""
    for wheel in sorted(pathlib.Path(sys.argv[1]).glob("*.whl")):
        path = extract(wheel)
        print(f"{path}: {len(json.loads(path.read_text())['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
