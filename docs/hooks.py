"""MkDocs calls these while it builds the site: pages made from the code, and links into it.

``reference/options.md`` comes from the schema of ``hydra/sweeper=besom``, ``reference/commands.md``
from what each command says with ``--help``.
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, fields, is_dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any

import omegaconf
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP = Path(__file__).parents[1]
REPOSITORY_FILES = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the site that stand at the top of the repository, where its hosts look for them."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and those from outside ``docs/``."""
    pages = {"reference/options.md": _options(), "reference/commands.md": _commands()}
    for name in REPOSITORY_FILES:
        pages[name.lower()] = (TOP / name).read_text(encoding="utf-8")
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to files of the repository at their pages, or leave only their names."""
    depth = page.file.src_uri.count("/")
    return re.sub(
        r"(?<!!)\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)",
        lambda link: _relinked(link, page.file.src_uri, "../" * depth, files),
        markdown,
    )


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show Sphinx' roles, as docstrings have them, as the names that they hold."""
    return re.sub(r":(?:func|class|meth|mod|attr):<code>", "<code>", html)


def _relinked(link: re.Match[str], page: str, up: str, files: Files) -> str:
    text, target, anchor = link.group(1), link.group(2), link.group(3) or ""
    top = page in [name.lower() for name in REPOSITORY_FILES]
    base = TOP if top else (TOP / "docs" / page).parent
    path = (base / target).resolve()
    if not path.is_relative_to(TOP):
        return link.group()
    inside = path.relative_to(TOP).as_posix()
    if inside in REPOSITORY_FILES:
        return f"[{text}]({up}{inside.lower()}{anchor})"
    if top and inside.startswith("docs/"):
        name = inside.removeprefix("docs/")
        return f"[{text}]({name}{anchor})" if files.get_file_from_path(name) else text
    if inside.startswith("docs/") or not path.exists():
        return link.group()  # MkDocs says which of these lead nowhere
    return text


def _options() -> str:
    from besom.search import options
    from besom.search.algorithms import options as algorithm_options

    parts = [
        "# Options of the sweeper",
        "What `hydra.sweeper` accepts where `hydra/sweeper` is `besom`: in a file under "
        "`hydra: sweeper:`, on the command line as `hydra.sweeper.NAME=VALUE`.",
        *_table_of(options.SweepOptions, "## All sweeps"),
        *_table_of(options.ResourcesOptions, "## `resources`"),
        *_table_of(options.RayOptions, "## `ray`"),
        *_table_of(options.StopOptions, "## `stop`"),
        *_table_of(options.ConfirmOptions, "## `confirm`"),
        "## Samplers",
        "`hydra/sweeper/sampler=NAME`, its options as `hydra.sweeper.sampler.OPTION=VALUE`.",
        *(
            part
            for kind in algorithm_options.SAMPLERS
            for part in _table_of(kind, f"### `{kind.name}`")
        ),
        "## Pruners",
        "`hydra/sweeper/pruner=NAME`, its options as `hydra.sweeper.pruner.OPTION=VALUE`.",
        *(
            part
            for kind in algorithm_options.PRUNERS
            for part in _table_of(kind, f"### `{kind.name}`")
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table_of(schema: type, heading: str) -> Iterator[str]:
    """The schema's docstring, and a row for each of its options that a user gives."""
    said, _, listed = cleandoc(schema.__doc__ or "").partition("Attributes:\n")
    meanings = _meanings(listed)
    own = [
        item for item in fields(schema) if not item.name.startswith("_") and item.name != "defaults"
    ]
    shown = [item for item in own if item.name in meanings or (not listed and item.name != "name")]
    yield heading
    yield said.replace("``", "`").strip()
    if not shown:
        return
    columns = "option | default | meaning" if listed else "option | default"
    lines = [f"| {columns} |", "|---" * (columns.count("|") + 1) + "|"]
    for item in shown:
        cells = [f"`{item.name}`", _default(item), *([meanings[item.name]] if listed else [])]
        lines.append(f"| {' | '.join(cells)} |")
    yield "\n".join(lines)


def _meanings(listed: str) -> dict[str, str]:
    """Each attribute's text, by name; ``a, b: text`` is of both."""
    found = {}
    for entry in re.split(r"\n(?=    \w)", "\n" + listed.rstrip()):
        names, _, text = entry.strip().partition(": ")
        text = " ".join(text.split()).replace("``", "`").replace("|", r"\|")
        text = re.sub(r":(?:class|func):`(\w+)`", r"`\1`", text)
        found |= {name: text for name in names.split(", ") if name}
    return found


def _default(item: "Field[Any]") -> str:
    value = item.default_factory() if item.default is NO_DEFAULT else item.default  # type: ignore[misc]
    if value == omegaconf.MISSING:
        return "see below"
    if is_dataclass(value):
        return "below"
    return f"`{'null' if value is None else value}`"


def _commands() -> str:
    from besom.cli.main import COMMANDS, HELP, main

    parts = ["# Commands", _block(HELP)]
    for name in COMMANDS:
        if name in ("train",):  # Hydra's own help; the page of the configuration has its keys
            continue
        said = io.StringIO()
        given, sys.argv = sys.argv, ["besom"]
        with redirect_stdout(said), suppress(SystemExit):
            main([name, "--help"])
        sys.argv = given
        parts += [f"## besom {name}", _block(said.getvalue())]
    return "\n\n".join(parts) + "\n"


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"
