"""Tests each tutorial by following it in an empty folder."""

from pathlib import Path

import pytest

from tests.docs.walkthrough import DOCS, walk

SLOW = [
    *("first-sweep.md", "from-hydra-optuna-sweeper.md", "keras.md"),
    *("own-application.md", "own-data.md"),
]
"""They have many commands, or start TensorFlow up to ten times. In the check, test_end_to_end.py,
test_examples.py, tests/rnn and tests/sweep run such sweeps, with imports shared."""
QUICK = sorted({path.name for path in (DOCS / "tutorials").glob("*.md")} - {*SLOW})


@pytest.mark.parametrize(
    "page", [*QUICK, *(pytest.param(page, marks=pytest.mark.slow) for page in SLOW)]
)
def test_what_the_tutorial_says_is_what_happens(page: str, tmp_path: Path) -> None:
    walk(f"tutorials/{page}", tmp_path)
