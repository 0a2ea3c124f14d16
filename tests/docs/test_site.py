"""Tests the documentation as a site: it builds, its links work, its reference is complete."""

import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

import besom
from besom.cli.main import COMMANDS
from besom.search.algorithms.options import PRUNERS, SAMPLERS
from besom.search.options import SweepOptions
from tests.docs.walkthrough import blocks

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; a broken link, or a page that the navigation lacks, fails the build."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(TOP / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def test_the_reference_has_every_public_name(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name in set(dir(besom)) - {"__version__"}:
        assert re.search(rf'id="besom\.(?:\w+\.)*{name}"', page), name


def test_the_reference_has_every_option_sampler_and_pruner(site: Path) -> None:
    text = text_of(site / "reference" / "options.html")
    hidden = {"defaults"}
    for name in [*SweepOptions.__dataclass_fields__, *(kind.name for kind in SAMPLERS + PRUNERS)]:
        assert name.startswith("_") or name in hidden or re.search(rf"\b{name}\b", text), name


def test_the_reference_has_every_command(site: Path) -> None:
    text = text_of(site / "reference" / "commands.html")
    for name in COMMANDS:
        assert f"besom {name}" in text


def test_the_model_of_ones_own_is_the_one_that_is_trained_and_served_by_tests() -> None:
    for _, title, text in blocks("how-to/own-model.md"):
        if title:
            assert (TOP / "examples" / "text_model" / title).read_text().endswith(text)


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = re.findall(
            r'(?:<script[^>]+src|<link[^>]+href|<img[^>]+src)="(https?:[^"]+)"', page.read_text()
        )
        assert not found, page
