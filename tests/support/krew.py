"""
The archive of the krew plugin, and its sum in deploy/krew/rds-ssl.yaml.

    PYTHONPATH=tests python -m support.krew [FOLDER]

writes both (`make krew`), the archive into FOLDER, dist if none. It is the same, byte for byte,
wherever it is made.
"""

import gzip
import hashlib
import io
import re
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "deploy" / "krew" / "rds-ssl.yaml"
ARCHIVE = "kubectl-rds_ssl.tar.gz"

_FILES = {
    "kubectl-rds_ssl": (ROOT / "deploy" / "krew" / "kubectl-rds_ssl", 0o755),
    "LICENSE": (ROOT / "LICENSE", 0o644),
}


def main() -> int:
    """Command line."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARCHIVE).write_bytes(archive())
    text = re.sub(r"(?<=sha256: )[0-9a-f]{64}", checksum(), MANIFEST.read_text())
    MANIFEST.write_text(text)
    return 0


def checksum() -> str:
    """Give the SHA-256 of the archive, in hexadecimal."""
    return hashlib.sha256(archive()).hexdigest()


def archive() -> bytes:
    """Make the archive: no times, no owners, and stored, for compressors differ."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (path, mode) in _FILES.items():
            data = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    packed = io.BytesIO()
    # Not by gzip.compress: which system its header names depends on the version of Python.
    with gzip.GzipFile("", "wb", compresslevel=0, fileobj=packed, mtime=0) as file:
        file.write(content.getvalue())
    return packed.getvalue()


if __name__ == "__main__":
    sys.exit(main())
