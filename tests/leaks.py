"""Searches everything that a run has written for a password."""

from pathlib import Path

PASSWORD = "s3cr3t-Pa55phrase"  # pragma: allowlist secret
"""Appears nowhere by chance, and in one form only: none of its characters needs quoting."""


def leaks(folder: Path, *texts: str) -> list[str]:
    """Return the paths below ``folder`` whose name or content holds it, and the texts that do."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files, "nothing was written at all"
    found = [str(path) for path in files if PASSWORD.encode() in path.read_bytes()]
    found += [str(path) for path in folder.rglob("*") if PASSWORD in path.name]
    return found + [text for text in texts if PASSWORD in text]
