"""The password in an MLflow server's address, when the reference workload is trained and swept."""

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from mlflow import MlflowClient

from besom.cli import main
from tests.leaks import PASSWORD, leaks
from tests.servers import MlflowServer

pytestmark = pytest.mark.slow

SIZES = (
    *("data=synthetic", "data.train_reviews=200", "data.test_reviews=20"),
    *("data.vocab_size=120", "data.max_length=7", "model.embedding_dim=4", "training.epochs=1"),
)


def test_it_is_in_nothing_that_is_written_printed_or_kept_by_the_server(
    server: MlflowServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    address = server.address.replace("http://", f"http://ann:{PASSWORD}@")
    storage = f"sqlite:///file:{tmp_path}/mlruns/optuna.db?uri=true&password={PASSWORD}"
    tracking = f"tracking.uri={address}"
    sweep = [
        *("sweep", "quickstart", tracking, f"hydra.sweeper.storage='{storage}'", *SIZES),
        *("--trials", "3", "--workers", "1", "hydra.sweeper.confirm.top_k=1"),
        *("hydra.sweeper.confirm.seeds=2", "training.batch_size=32", "model.units=choice(4,32)"),
    ]
    reading = ("--tracking-uri", address)
    said: list[str] = []

    def done(code: int, *words: str) -> str:
        try:
            ended = main.main(words)
        except SystemExit as end:  # a sweep ends so
            ended = int(str(end.code))
        HydraConfig.instance().cfg = None  # outside the tests, each command has its own process
        shown = "".join(capfd.readouterr())
        assert ended == code, shown
        said.append(shown)
        return shown

    with server.up():
        done(0, "train", tracking, *SIZES)
        done(2, *sweep, "data.max_length=0")
        done(0, *sweep)
        done(0, "report", "quickstart", "--output", "report.html", *reading)
        done(0, "export", "quickstart", *reading)
        done(0, "compare", "quickstart", *reading)
        done(0, "predict", "quickstart", "a good film", *reading)
        done(0, "reproduce", "best", *reading)
        done(2, "confirm", "quickstart", *reading)  # asks for the password of Optuna's database
        client = MlflowClient(server.address)
        (experiment,) = client.search_experiments(filter_string="name = 'besom'")
        assert len(client.search_runs([experiment.experiment_id])) >= 9
    assert "cannot be reached" in done(2, "train", tracking, *SIZES)
    assert "cannot be reached" in done(2, *sweep)
    assert leaks(tmp_path, *said) == []
