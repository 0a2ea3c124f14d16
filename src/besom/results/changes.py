"""What has changed since a run was made: code, packages, data, machine."""

from collections.abc import Iterator, Mapping

from besom.tracking.environment import Environment

# Tag -> how it is called here. Threads and data are told by the task itself as it runs.
FACTS = {
    "besom.processor": "processor",
    "besom.platform": "system",
    "besom.python": "python",
    "data.digest": "data",
    "engine": "engine",
    "threads": "threads",
}
COMMIT = "besom.git.commit"
LONGEST = 16


def changes(
    then: Mapping[str, str], now: Mapping[str, str], texts: Mapping[str, str | None]
) -> list[str]:
    """A line for each fact that differs; none where all is as it was.

    Args:
        then: the tags of the run.
        now: the same facts of this moment.
        texts: the run's ``packages.txt`` and ``git.diff``, None where it has none.
    """
    here = Environment.here()
    return [
        *_code(then, here, texts.get("git.diff")),
        *_packages(texts.get("packages.txt") or "", here.texts["packages.txt"]),
        *_facts(then, {**now, **here.tags}),
    ]


def _code(then: Mapping[str, str], here: Environment, diff: str | None) -> Iterator[str]:
    commit, now = then.get(COMMIT, "unknown"), here.tags[COMMIT]
    if commit != now:
        yield f"code: commit {_short(commit)} then, {_short(now)} now"
    elif (diff or "") != here.texts.get("git.diff", ""):
        yield f"code: other uncommitted changes on commit {_short(commit)}"


def _packages(then: str, now: str) -> Iterator[str]:
    """``numpy 2.1.0 then, 2.2.0 now``, one for each package."""
    before, after = _versions(then), _versions(now)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            was, is_now = before.get(name, "none"), after.get(name, "none")
            yield f"package: {name} {was} then, {is_now} now"


def _facts(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for tag, name in FACTS.items():
        if tag in then and tag in now and then[tag] != now[tag]:
            yield f"{name}: {_short(then[tag])} then, {_short(now[tag])} now"


def _versions(packages: str) -> dict[str, str]:
    pins = (line.partition("==") for line in packages.splitlines())
    return {name: version for name, _, version in pins}


def _short(text: str) -> str:
    """Hashes by their first digits; all else whole."""
    return text[:LONGEST] if len(text) > 32 and text.isalnum() else text
