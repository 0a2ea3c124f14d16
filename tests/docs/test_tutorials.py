"""Each tutorial, done as its reader does it, in an empty folder."""

from pathlib import Path

import pytest

from tests.docs.walkthrough import DOCS, walk

TUTORIALS = sorted(path.name for path in (DOCS / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", TUTORIALS)
def test_what_the_tutorial_says_is_what_happens(page: str, tmp_path: Path) -> None:
    walk(f"tutorials/{page}", tmp_path)
