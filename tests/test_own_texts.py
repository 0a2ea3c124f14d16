"""A user's own texts, from the file through a sweep of three classes to a served prediction."""

import csv
import json
import random
from collections.abc import Iterator
from contextlib import chdir
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient, pyfunc
from mlflow.pyfunc.scoring_server import predictions_to_json

from besom.cli import main
from besom.rnn.data.digests import content_digest
from besom.tracking import schema
from tests.conftest import Command
from tests.sweep.apps import audit

WORDS = {"angry": ["awful", "bad"], "calm": ["plain", "usual"], "glad": ["good", "superb"]}
SWEEP = [
    *("sweep", "neighbourhood", "--name", "mine", "--trials", "2", "--workers", "1"),
    *("data=text_files", "data.path=tickets.csv", "data.text=message", "data.label=mood"),
    *("data.vocab_size=50", "data.max_length=8", "model.embedding_dim=8", "model.units=8"),
    *("training.batch_size=32", "training.epochs=15", "training.learning_rate=interval(0.03,0.05)"),
    *("training.class_weight=balanced", "hydra.sweeper.baseline.training.learning_rate=0.04"),
    *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2"),
]


def write(path: Path, rows: int = 300) -> None:
    """Write messages of five words, one of which shows the mood; half of them are ``glad``."""
    chance = random.Random(3)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["id", "mood", "message"])
        for number in range(rows):
            mood = chance.choice(["angry", "calm", "glad", "glad"])
            words = [*chance.choices(["the", "new", "phone", "today"], k=4)]
            words.insert(chance.randrange(5), chance.choice(WORDS[mood]))
            writer.writerow([number, mood, " ".join(words)])


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own")
    with chdir(folder):
        write(Path("tickets.csv"))
        assert main.main(SWEEP) == 0
        yield folder


@pytest.fixture
def store(swept: Path) -> str:
    return f"sqlite:///{swept / 'mlruns' / 'mlflow.db'}"


@pytest.fixture
def run_id(swept: Path) -> str:
    """Return the run id of the best trial."""
    [best, *_] = sorted(audit(swept / "mlruns", "mine").trials, key=lambda trial: -trial.value)
    found: str = best.user_attrs["besom.run_id"]
    return found


@pytest.fixture
def here(besom: Command, swept: Path) -> Iterator[Command]:
    """Yield the ``besom`` command, run in the folder of the sweep."""
    with chdir(swept):
        yield besom


def test_the_record_names_the_data_and_judges_all_classes(
    swept: Path, store: str, run_id: str
) -> None:
    run = MlflowClient(store).get_run(run_id)
    digest = content_digest(swept / "tickets.csv")
    assert run.data.tags["data.name"] == run.data.params["data.name"] == "tickets"
    assert run.data.tags["data.digest"] == digest
    [data] = [found.dataset for found in run.inputs.dataset_inputs]
    assert (data.name, data.digest) == ("tickets", digest[:36])
    assert json.loads(data.source) == {"uri": str(swept / "tickets.csv")}
    assert json.loads(data.profile) == {"num_rows": 300}
    assert 0.5 < run.data.metrics["val_macro_f1"] <= 1
    client = MlflowClient(store)
    confirmed = client.search_runs(["1"], f"tags.`{schema.ROLE}` = 'confirmation'")
    assert confirmed and all("test_macro_f1" in one.data.metrics for one in confirmed)


def predicted(here: Command, model: str, *texts: str) -> list[dict[str, Any]]:
    ended = here("predict", model, *texts, "--json")
    assert (ended.code, ended.err) == (0, "")
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def test_answers_have_the_names_of_the_classes(here: Command, store: str) -> None:
    texts = ["the superb new phone today", "the phone, the BAD phone today!", "new usual phone the"]
    rows = predicted(here, "mine", *texts)
    assert [row["text"] for row in rows] == texts
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["probability"] == row["probabilities"][row["label"]]
    assert [row["label"] for row in rows[:2]] == ["glad", "angry"]
    shown = here("predict", "mine", *texts).out.splitlines()
    assert shown[0] == "probability  label     text"
    assert shown[1].split(maxsplit=1)[1] == "glad      the superb new phone today"
    champion = MlflowClient(store).get_model_version_by_alias("mine", "champion")
    served = pyfunc.load_model(champion.source)
    answer = StringIO()
    predictions_to_json(served.predict({"message": texts}), answer)
    assert json.loads(answer.getvalue())["predictions"] == [
        {name: row[name] for name in ("label", "probability", "probabilities")} for row in rows
    ]


def test_it_is_reproduced_exported_and_reported(here: Command, run_id: str) -> None:
    again = here("reproduce", run_id)
    assert again.code == 0 and "bit-identical" in again.out
    assert here("export", "mine").code == 0
    text = Path("conf/experiment/mine.yaml").read_text()
    assert "override /data: text_files" in text and "class_weight: balanced" in text
    assert here("train", "+experiment=mine", "--cfg", "job").code == 0
    assert here("report", "mine").code == 0
    assert "tickets" in Path("mine-report.html").read_text()
    again = here(*SWEEP)
    assert again.code == 0, "nothing is left to do"
    assert "\n  data       train 192, validation 48, test 60 rows; 3 classes: angry" in again.out


def test_another_content_is_another_study_and_no_words_for_its_runs(
    here: Command, run_id: str
) -> None:
    kept = Path("tickets.csv").read_bytes()
    try:
        write(Path("tickets.csv"), rows=299)
        refused = here(*SWEEP)
        assert refused.code == 2 and "identity of data" in refused.err
        ended = here("predict", run_id, "good")
        assert ended.code == 2 and "is not as it was when run" in ended.err
        assert predicted(here, "mine", "the superb new phone today")[0]["label"] == "glad"
    finally:
        Path("tickets.csv").write_bytes(kept)


def test_the_file_may_be_renamed(here: Command) -> None:
    words = [word.replace("tickets.csv", "mails.csv") for word in SWEEP]
    Path("tickets.csv").rename("mails.csv")
    try:
        assert here(*words).code == 0
    finally:
        Path("mails.csv").rename("tickets.csv")
