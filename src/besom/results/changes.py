"""Finds what has changed since a run was made: code, packages, data, machine."""

from collections.abc import Iterator, Mapping

from besom.app.source import Source
from besom.common.machine.devices import visible_devices
from besom.rnn.train import DATA_DIGEST, ENGINE, THREADS
from besom.tracking import schema
from besom.tracking.environment import Environment

# The name of each tag in the output. The task itself logs threads and data while it runs.
FACTS = {
    schema.VERSION: "besom",
    schema.PROCESSOR: "processor",
    schema.PLATFORM: "system",
    schema.PYTHON: "python",
    DATA_DIGEST: "data",
    ENGINE: "engine",
    THREADS: "threads",
}
UNKNOWN = "unknown"
LONGEST = 16


def changes(
    then: Mapping[str, str], now: Mapping[str, str], texts: Mapping[str, str | None]
) -> list[str]:
    """Return a line for each fact that differs or is not known; empty if nothing has changed.

    Args:
        then: the tags of the run.
        now: today's facts that the task has logged, and the digest of its source.
        texts: the run's ``packages.txt`` and ``git.diff``; None if it has none.
    """
    here = Environment.here()
    return [
        *_code(
            then,
            {**here.tags, **now},
            texts.get(schema.DIFF_FILE),
            here.texts.get(schema.DIFF_FILE),
        ),
        *_packages(texts.get(schema.PACKAGES_FILE), here.texts[schema.PACKAGES_FILE]),
        *_facts(then, {**here.tags, **now}),
        *_devices(then.get(schema.DEVICES, "")),
    ]


def _code(
    then: Mapping[str, str], now: Mapping[str, str], diff: str | None, diff_now: str | None
) -> Iterator[str]:
    """Yield differences in git, and in the digest of the application's own source.

    Only the digest shows that the code is unchanged: the git repository may hold something else,
    and its diff lacks untracked files.
    """
    commit, commit_now = then.get(schema.COMMIT, UNKNOWN), now[schema.COMMIT]
    known_by_git = not commit.startswith(UNKNOWN) and not commit_now.startswith(UNKNOWN)
    if known_by_git and commit != commit_now:
        yield f"code: commit {_digits(commit)} then, {_digits(commit_now)} now"
    elif known_by_git and (diff or "") != (diff_now or ""):
        yield f"code: other uncommitted changes on commit {_digits(commit_now)}"
    source, source_now = Source.read(then.get(schema.CODE)), Source.read(now.get(schema.CODE))
    if source.differs_from(source_now):
        shown = _digits(source.text), _digits(source_now.text)
        if shown[0] == shown[1]:  # equal for the task, and not for what its configuration names
            shown = source.text[-LONGEST:], source_now.text[-LONGEST:]
        yield f"code: source {shown[0]} then, {shown[1]} now"
    elif source.digest is None or source_now.digest is None:
        yield "code: not known whether it is as it was"


def _packages(then: str | None, now: str) -> Iterator[str]:
    """Yield a line for each package that differs: ``numpy 2.1.0 then, 2.2.0 now``."""
    if then is None:
        yield "packages: not known which there were"
        return
    before, after = _versions(then), _versions(now)
    for name in sorted(before.keys() | after.keys()):
        if name != "besom" and before.get(name) != after.get(name):
            was, is_now = before.get(name, "none"), after.get(name, "none")
            yield f"package: {name} {was} then, {is_now} now"


def _facts(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for tag, name in FACTS.items():
        if tag not in then or tag not in now:
            yield f"{name}: not known whether as it was"
        elif then[tag] != now[tag]:
            yield f"{name}: {_digits(then[tag])} then, {_digits(now[tag])} now"


def _devices(then: str) -> Iterator[str]:
    """Yield a line if the GPU models differ. Their number and places do not change results."""
    before = {name.rpartition(": ")[2] for name in then.split(", ") if name}
    after = {device.model or device.name for device in visible_devices()}
    if before != after:
        was, is_now = (", ".join(sorted(models)) or "none" for models in (before, after))
        yield f"GPU: {was} then, {is_now} now"


def _versions(packages: str) -> dict[str, str]:
    pins = (line.partition("==") for line in packages.splitlines())
    return {name: version for name, _, version in pins}


def _digits(text: str) -> str:
    """Shorten a hash to its first digits, and return any other text as it is."""
    return text[:LONGEST] if len(text) > 32 and text.isalnum() else text
