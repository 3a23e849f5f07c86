"""What is vendored is what was reviewed."""

import hashlib
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "web" / "static" / "vendor"


def test_vendored_files_are_those_listed() -> None:
    lines = (VENDOR / "VERSIONS").read_text().splitlines()
    listed = {
        parts[0]: parts[3]
        for parts in (line.split() for line in lines if not line.startswith("#"))
    }
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.suffix in (".css", ".js")
    }

    assert listed == found
