"""Looks for a password in everything that a run has left behind."""

from pathlib import Path

PASSWORD = "s3cr3t-Pa55phrase"  # pragma: allowlist secret
"""Found nowhere by chance, and no other form of it is: no character of it is ever quoted."""


def leaks(folder: Path, *texts: str) -> list[str]:
    """The files below ``folder``, databases and logs among them, and the texts that hold it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files, "nothing was written at all"
    found = [str(path) for path in files if PASSWORD.encode() in path.read_bytes()]
    found += [str(path) for path in folder.rglob("*") if PASSWORD in path.name]
    return found + [text for text in texts if PASSWORD in text]
