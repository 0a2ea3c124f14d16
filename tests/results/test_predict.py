"""Tests that ``besom predict`` and MLflow's server give the network's probabilities."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError

import numpy as np
import pytest
from mlflow import MlflowClient
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from besom.cli import main
from besom.results import predict as asking
from besom.results.predict import Prediction, as_json, read_file
from besom.results.workload import WORKLOAD
from besom.rnn.data import Reviews, open_corpus, view
from besom.rnn.text_classifier import TextClassifier, load, save
from besom.rnn.train import HOOKS
from besom.tracking import connect, schema
from besom.tracking.models.logged_model import find_model
from besom.tracking.models.model_files import address_of, model_file
from besom.tracking.models.registry import Champion, register
from besom.tracking.reader import open_reader
from tests.conftest import Command
from tests.results.conftest import start
from tests.rnn.conftest import encode
from tests.servers import free_port, post, running

TEXTS = ["The film was wonderful!", "the plot was not dull, but the ending was", "its GOOD cast"]
TEXT_MODEL = Path(__file__).parents[2] / "examples" / "text_model"
STUDY = "small:first"
ADDRESS = address_of(STUDY)
SIZES = [
    "data=synthetic",
    "data.train_reviews=200",
    "data.test_reviews=20",
    "data.vocab_size=120",
    "data.max_length=7",
    "model=mine",  # with a layer of its own
    "model.embedding_dim=4",
    "model.filters=4",
    "training.batch_size=32",
    "training.epochs=1",
]


@dataclass(frozen=True)
class Trained:
    """A recorded training, registered as the champion of a study."""

    root: Path
    run_id: str

    @property
    def store(self) -> str:
        return f"sqlite:///{self.root / 'mlflow.db'}"

    def tokens(self) -> NDArray[np.int32]:
        """Return ``TEXTS`` as the training would read them."""
        path = MlflowClient(self.store).download_artifacts(self.run_id, schema.CONFIG_FILE)
        data = cast(DictConfig, OmegaConf.load(path)).data
        encoded = [encode(text, open_corpus(data, 0.2).word_index()) for text in TEXTS]
        offsets = np.cumsum([0, *map(len, encoded)])
        reviews = Reviews(np.concatenate(encoded).astype(np.int32), offsets, np.zeros(len(TEXTS)))
        return view(reviews, data.vocab_size, data.max_length).tokens


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(TEXT_MODEL, folder, dirs_exist_ok=True)
    with chdir(folder):
        assert main.main(["train", *SIZES]) == 0
        root = folder / "mlruns"
        with connect(root, None, "besom") as record:
            (run,) = record.runs({schema.ROLE: "train"})
            command = json.dumps({"task": WORKLOAD, "config_name": "small", "overrides": []})
            for study in (STUDY, "bare"):
                record.text(start(record, study).parent, schema.COMMAND_FILE, command)
            champion = Champion(STUDY, 0, run.run_id, "0 is within noise of the baseline.")
            assert register(record, champion, HOOKS.packaging) == ADDRESS
        yield Trained(root, run.run_id)


def predicted(besom: Command, trained: Trained, model: str, *words: str) -> list[dict[str, Any]]:
    ended = besom("predict", "--root", str(trained.root), model, *words, "--json")
    assert (ended.code, ended.err) == (0, "")
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


@pytest.fixture
def expected(trained: Trained, tmp_path: Path) -> NDArray[np.float32]:
    """Return what the network itself predicts for the padded tokens."""
    import keras

    file = model_file(trained.store, trained.run_id, tmp_path)
    found: NDArray[np.float32] = keras.models.load_model(file).predict(trained.tokens())[:, 0]
    assert len(set(found)) == len(TEXTS)
    return found


def test_a_run_and_its_champion_say_what_the_network_says(
    trained: Trained, expected: NDArray[np.float32], besom: Command
) -> None:
    for model in (trained.run_id, STUDY, ADDRESS, ADDRESS.replace("@champion", "/1")):
        rows = predicted(besom, trained, model, *TEXTS)
        assert [row["text"] for row in rows] == TEXTS
        assert [row["probabilities"]["positive"] for row in rows] == expected.tolist()
        assert [row["label"] == "positive" for row in rows] == (expected > 0.5).tolist()
        assert all(row["probability"] == row["probabilities"][row["label"]] for row in rows)
        assert all(row["probability"] >= 0.5 for row in rows)


def test_a_file_holds_one_review_a_line(
    trained: Trained, expected: NDArray[np.float32], besom: Command, tmp_path: Path
) -> None:
    (tmp_path / "reviews.txt").write_text("\n".join(TEXTS) + "\n")
    rows = predicted(besom, trained, trained.run_id, "--file", "reviews.txt")
    assert [row["probabilities"]["positive"] for row in rows] == expected.tolist()


def test_only_a_line_feed_ends_a_review(tmp_path: Path) -> None:
    file = tmp_path / "reviews.txt"
    reviews = ["one\u2028two", "a\x0bb\x0cc\x1cd", "e\x85f\rg", " last"]
    file.write_bytes("\r\n".join(reviews).encode())
    assert read_file(file) == reviews
    file.write_bytes("".join(f"{review}\n" for review in [*reviews, "", " \t"]).encode())
    assert read_file(file) == reviews


def test_json_has_no_nan() -> None:
    nan = float("nan")
    text = as_json([Prediction("x", nan, "negative", {"negative": nan, "positive": nan})])
    (row,) = json.loads(text, parse_constant=refused)
    assert row["probability"] is row["probabilities"]["positive"] is None


def test_a_runs_id_in_capitals_is_the_same(trained: Trained, besom: Command) -> None:
    assert predicted(besom, trained, trained.run_id.upper(), "good") == predicted(
        besom, trained, trained.run_id, "good"
    )


def refused(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def test_shows_an_aligned_table(trained: Trained, besom: Command) -> None:
    ended = besom("predict", trained.run_id, "the\n good film", "--root", str(trained.root))
    head, row = ended.out.splitlines()
    assert head == "probability  label     text"
    assert row.endswith("  the good film") and row.index("the") == head.index("text")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["0" * 32, "good"], ["no run 000"]),
        (["small:firs", "good"], ["`small:firs` is no run's id", "did you mean `small:first`?"]),
        (["bare", "good"], ["no model `models:/bare@champion`", "`besom confirm bare --root "]),
        (["models:/nothing/1", "good"], ["no model `models:/nothing/1`", ADDRESS]),
        (["RUN", ""], ["text 1 (``) holds no word"]),
        (["RUN", "good", "qwzx xyzzy"], ["text 2 (`qwzx xyzzy`) holds none of the"]),
        (["RUN"], ["--file"]),
        (["RUN", "good", "--file", "reviews.txt"], ["not both"]),
        (["RUN", "--file", "missing.txt"], ["`missing.txt` cannot be read: No such file"]),
        (["RUN", "--file", "empty.txt"], ["`empty.txt` is empty"]),
        (["RUN", "--file", "latin.txt"], ["`latin.txt` cannot be read: it is not UTF-8"]),
        (["RUN", "--file", "blank.txt"], ["`blank.txt`, line 2 is blank", "leave it out"]),
        (["RUN", "--file", "odd.txt"], ["`odd.txt`, line 3 (`👍`) holds no word; give some"]),
        (["PLAIN", "good"], ["is of another application"]),
        (["FOREIGN", "good"], ["is of another application"]),
        (["LIST", "good"], ["is of another application"]),
        (["MODELLESS", "good"], ["has no model"]),
        (["RUN", "good", "--root", "elsewhere"], ["holds no record"]),
    ],
)
def test_refuses_in_a_line(
    words: list[str], parts: list[str], trained: Trained, besom: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes("très bon".encode("latin-1"))
    (tmp_path / "blank.txt").write_text("good\n\ngood\n")
    (tmp_path / "odd.txt").write_text("good\ngood\n👍\n")
    ids = {"RUN": trained.run_id, **unfit(trained)}
    ended = besom("predict", "--root", str(trained.root), *(ids.get(word, word) for word in words))
    assert ended.code == 2 and ended.out == ""
    assert ended.err.count("\n") == 1
    assert all(part in ended.err for part in parts), ended.err


def unfit(trained: Trained) -> dict[str, str]:
    """Record runs that cannot predict: of other applications, or without a model."""
    texts = {
        "PLAIN": "",
        "MODELLESS": open_reader(trained.root, None).text(trained.run_id, schema.CONFIG_FILE) or "",
        "FOREIGN": "training: {}\ndata: {name: mine}\n",
        "LIST": "[1, 2]",
    }
    ids = {}
    with connect(trained.root, None, "besom") as record:
        for name, text in texts.items():
            ids[name] = record.start_run(name, {})
            record.text(ids[name], schema.CONFIG_FILE, text)
            record.prepare_end(ids[name], "FINISHED", {}, {})
            record.end_run(ids[name])
    return ids


def test_a_model_that_reads_no_texts(trained: Trained, besom: Command) -> None:
    with connect(trained.root, None, "besom") as record:
        register(record, Champion("bare", 0, trained.run_id, ""), None)
    ended = besom("predict", "bare", "good", "--root", str(trained.root))
    assert (ended.code, ended.out) == (2, "")
    assert "models:/bare@champion reads no texts" in ended.err
    MlflowClient(trained.store).delete_registered_model("bare")


@pytest.fixture(params=["a run", "a champion"])
def flipped(request: pytest.FixtureRequest, trained: Trained) -> Iterator[tuple[str, Path]]:
    """Flip a bit of a model's file during a test; yield the model's name, and the file."""
    client = MlflowClient(trained.store)
    is_run = request.param == "a run"
    name = "model" if is_run else "served"
    (model,) = [
        found
        for found in client.search_logged_models(["1"])
        if found.name == name and found.source_run_id == trained.run_id
    ]
    (file,) = Path(model.artifact_location.removeprefix("file://")).rglob("*.keras")
    sound = file.read_bytes()
    middle = len(sound) // 2
    file.write_bytes(sound[:middle] + bytes([sound[middle] ^ 1]) + sound[middle + 1 :])
    yield (trained.run_id if is_run else STUDY), file
    file.write_bytes(sound)


def test_a_damaged_model_is_refused_in_two_lines(
    flipped: tuple[str, Path], trained: Trained, besom: Command
) -> None:
    what, _ = flipped
    ended = besom("predict", what, "good", "--root", str(trained.root))
    assert (ended.code, ended.out) == (2, "")
    assert f"the model of {what} cannot be loaded: " in ended.err
    assert len(ended.err.splitlines()) == 2


def test_a_network_that_fails_is_named(
    trained: Trained, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models of earlier versions fail so if their Embedding has too few rows."""

    class Wrong(TextClassifier):
        def probabilities(self, reviews: Any) -> Any:
            raise IndexError("in a graph\nindices[0,6] = 11 is not in [0, 5) [Op:GatherV2]")

    monkeypatch.setattr(asking, "_load", lambda folder, what: Wrong(None, {}, 9, 9))
    ended = besom("predict", "--root", str(trained.root), STUDY, "good")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(
        f"besom: the model of {STUDY} cannot read these texts: indices[0,6] = 11 is not in [0, 5)\n"
    )
    assert len(ended.err.splitlines()) == 2


def test_a_model_that_acts_is_not_loaded(tmp_path: Path) -> None:
    """Keras' safe mode refuses its Lambda layer."""
    import keras

    layers = [keras.Input((5,)), keras.layers.Lambda(lambda x: x + 1)]
    keras.Sequential(layers).save(tmp_path / "evil.keras")
    save(tmp_path, tmp_path / "evil.keras", {"good": 4}, 9, 5)
    with pytest.raises(ValueError, match=r"[Uu]nsafe"):
        load(tmp_path)


WRONG = {
    '{"inputs": {"text": [" "]}}': "text 1 (``) holds no word",
    '{"inputs": {"txt": ["good"]}}': "no text was given; give at least one `text`",
    '{"dataframe_records": [{"txt": "good"}]}': "no text was given; give at least one `text`",
    '{"inputs": [{"text": null}]}': "row 1 has no `text` and no list of `tokens`",
    '{"inputs": {"text": [null]}}': "row 1 has no `text` and no list of `tokens`",
    '{"inputs": [{"text": 5}]}': "row 1 has no `text` and no list of `tokens`",
    '{"dataframe_records": [{"text": "good"}, {"text": null}]}': "row 2 has no `text`",
}


def test_a_served_champion_gives_the_same_probabilities(
    trained: Trained, expected: NDArray[np.float32], besom: Command, tmp_path: Path
) -> None:
    """MLflow's own command serves it, in an environment where Besom cannot be imported."""
    (tmp_path / "shadow" / "besom").mkdir(parents=True)
    (tmp_path / "shadow" / "besom" / "__init__.py").write_text("raise ImportError('no Besom')")
    environment = {
        "MLFLOW_TRACKING_URI": trained.store,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "shadow"),
    }
    port = free_port()
    server = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", ADDRESS]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    tokens = trained.tokens().tolist()
    bodies: list[dict[str, Any]] = [
        {"inputs": {"text": TEXTS}},
        {"inputs": [{"text": text} for text in TEXTS]},
        {"instances": [{"text": text} for text in TEXTS]},
        {"dataframe_records": [{"text": text} for text in TEXTS]},
        {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}},
        {"inputs": {"tokens": tokens}},
        {"dataframe_records": [{"tokens": [t for t in row if t]} for row in tokens]},
        {"dataframe_records": [{"text": TEXTS[0]}, *({"tokens": row} for row in tokens[1:])]},
    ]
    with running(command, f"{server}/ping", tmp_path, environment):
        for body in bodies:
            answer = post(f"{server}/invocations", body)["predictions"]
            np.testing.assert_allclose(answer, expected, rtol=1e-6, err_msg=str(body))
        for wrong, said in WRONG.items():
            with pytest.raises(HTTPError) as refused:
                post(f"{server}/invocations", json.loads(wrong))
            answer = json.loads(refused.value.read())
            assert (refused.value.code, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
            assert said in answer["message"] and "stack_trace" not in answer
    rows = predicted(besom, trained, STUDY, *TEXTS)
    praise = [row["probabilities"]["positive"] for row in rows]
    np.testing.assert_allclose(praise, expected, rtol=1e-6)


def test_a_model_that_was_deleted_is_trained_again_and_put_back(
    trained: Trained, besom: Command
) -> None:
    client, root = MlflowClient(trained.store), str(trained.root)
    before = predicted(besom, trained, trained.run_id, *TEXTS)
    model = find_model(client, "1", trained.run_id)
    assert model is not None  # Besom does not delete a registered model
    client.set_tag(trained.run_id, schema.MODEL_DELETED, "keep_models=none")
    shutil.rmtree(model.artifact_location.removeprefix("file://"))
    client.delete_logged_model(model.model_id)
    ended = besom("predict", "--root", root, trained.run_id, "good")
    assert (ended.code, ended.out) == (2, "")
    (*_, command) = ended.err.splitlines()
    assert command == f"besom reproduce {trained.run_id} --restore-model --root {root}"
    with chdir(trained.root.parent):
        ended = besom(*command.split()[1:])
    assert ended.code == 0, ended.err
    assert f"its model is back:  besom predict {trained.run_id}" in ended.out
    after = predicted(besom, trained, trained.run_id, *TEXTS)
    assert after == before
