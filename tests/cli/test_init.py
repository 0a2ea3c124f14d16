"""``besom init``: what it creates and refuses. tests/test_examples.py runs what it creates."""

import os
from pathlib import Path

import pytest

from besom.app.config_paths import examples_folder
from tests.conftest import Command


def test_says_how_to_go_on(besom: Command) -> None:
    ended = besom("init", "mine", "--keras")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[2:] == [
        "  cd mine",
        "  python main.py     # trains once",
        "  python main.py -m  # sweeps; the same command resumes where it stopped",
        "  besom report mine  # what the sweep has taught",
    ]


def test_an_application_has_its_own_name(besom: Command, tmp_path: Path) -> None:
    assert besom("init", "on/").code == besom("init", "deep/off", "--keras").code == 0
    for folder, template in (("on", "loop_app"), ("deep/off", "keras_app")):
        texts = {file: file.read_text() for file in (tmp_path / folder).rglob("*.*")}
        assert not [file for file, text in texts.items() if template in text]
        name = Path(folder).name
        assert f'study_name: "{name}"' in texts[tmp_path / folder / "conf" / "config.yaml"]
        report = f"besom report {name}"
        readme = texts[tmp_path / folder / "README.md"].splitlines()
        places = {line.index(" # ") for line in readme if " # " in line}
        assert places == {max(len(report), len("python main.py -m")) + 1}, "below each other"
        kept = {file.relative_to(tmp_path / folder) for file in texts}
        assert kept >= {Path(".gitignore"), Path("README.md"), Path("test_main.py")}


def test_what_a_run_has_left_is_not_copied(
    besom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "examples" / "loop_app"
    (source / "mlruns" / "jobs").mkdir(parents=True)
    for name in ("main.py", "mlruns/jobs/main.log"):
        (source / name).touch()
    ignored = (examples_folder() / "loop_app" / ".gitignore").read_text()
    (source / ".gitignore").write_text(ignored)
    monkeypatch.setattr("besom.app.config_paths.PACKAGE", tmp_path)
    assert besom("init", "mine").code == 0
    assert sorted(os.listdir(tmp_path / "mine")) == [".gitignore", "main.py"]


@pytest.mark.parametrize("name", ["2nd", "", ".", "a=b", "my app", "café", "x" * 101])
def test_a_name_that_is_none(name: str, besom: Command, tmp_path: Path) -> None:
    ended = besom("init", name)
    assert ended.code == 2 and len(ended.err.splitlines()) == 1
    assert "must begin with a letter of a-z" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(besom: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "main.py").write_text("mine")
    (tmp_path / "empty").mkdir()
    for name in ("file", "full"):
        ended = besom("init", name)
        assert (ended.code, ended.err) == (
            2,
            f"besom: {name} is there already; give another name, or an empty folder\n",
        )
    assert (tmp_path / "full" / "main.py").read_text() == "mine"
    assert besom("init", "empty").code == 0
    assert (tmp_path / "empty" / "main.py").is_file()


def test_a_folder_that_cannot_be_made(besom: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = besom("init", "file/mine")
    assert ended.code == 2 and ended.err.startswith("besom: file/mine cannot be made: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write everywhere")
def test_a_folder_without_permission(besom: Command, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    ended = besom("init", "mine")
    assert (ended.code, ended.err) == (
        2,
        "besom: mine cannot be made: Permission denied; give another folder\n",
    )


def test_its_sweeps_are_not_those_of_besom_sweep(
    besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    besom("init", "mine")
    monkeypatch.chdir("mine")
    ended = besom("sweep", "hyperband")
    assert ended.code == 2
    assert ended.err.endswith("python main.py -m --config-dir sweeps --config-name hyperband\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("init", "the following arguments are required: NAME"),
        ("init mine --kears", "did you mean `--keras`?"),
        ("init mine yours", "unrecognized arguments: yours"),
    ],
)
def test_a_mistake_is_one_line(words: str, said: str, besom: Command) -> None:
    ended = besom(*words.split())
    assert ended.code == 2 and said in ended.err and len(ended.err.splitlines()) == 1
