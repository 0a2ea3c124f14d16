import pytest

from besom.sweeping.command_line import typed


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["/v/bin/python3", "/v/bin/besom", "sweep", "quick"], "besom sweep quick"),
        (["/v/bin/python", "app.py", "-m", "x=range(1,3)"], "python app.py -m 'x=range(1,3)'"),
        (["python", "-m", "besom.rnn", "seed=1"], "python -m besom.rnn seed=1"),
        (
            ["python", "app.py", "hydra.sweeper.storage=mysql://me:secret@host/db"],
            "python app.py hydra.sweeper.storage=mysql://me:***@host/db",
        ),
        (["python", "-c", "import besom"], ""),
        (["python", "-m", "ipykernel_launcher", "-f", "kernel.json"], ""),
        (["python"], ""),
    ],
)
def test_a_command_as_it_can_be_typed_again(words: list[str], shown: str) -> None:
    assert typed(words) == shown
