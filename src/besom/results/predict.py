"""What a trained model makes of new reviews: ``besom predict``."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from omegaconf import DictConfig, OmegaConf

from besom.errors import DataError, StudyError
from besom.nearest import did_you_mean, listed
from besom.results.compare import RUN_ID
from besom.results.studies import read_run
from besom.rnn import environment
from besom.rnn.package import pack
from besom.rnn.text_classifier import READING_FILE, ReviewError, TextClassifier, load
from besom.tracking.address import own_address
from besom.tracking.reading import Reader, open_reader

THRESHOLD = 0.5
"""As in the accuracy that is reported: what is above it counts as praise."""

REGISTERED = "models:/"


@dataclass(frozen=True)
class Prediction:
    """One review, and the probability that it is praise."""

    text: str
    probability: float
    label: str


def read_file(file: Path) -> list[str]:
    """A review for each line.

    Raises:
        DataError: the file is missing, empty, or no text.
    """
    try:
        reviews = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DataError(
            f"`{file}` cannot be read: {reason}; give a text file with one review a line"
        ) from error
    if not reviews:
        raise DataError(f"`{file}` is empty; give a text file with one review a line")
    return reviews


def predict(root: Path, uri: str | None, what: str, texts: Sequence[str]) -> list[Prediction]:
    """Ask a model about reviews.

    Args:
        root: the folder of the record.
        uri: MLflow's address, where the record is not below ``root``.
        what: a run by its id, a model as ``models:/NAME@ALIAS`` or ``models:/NAME/3``, or a
            study, whose champion is asked.
        texts: the reviews.

    Raises:
        StoreError: there is no record, or it does not answer.
        StudyError: there is no such model, or it reads no texts.
        DataError: a text holds no word, or none that the model knows.
    """
    reader = open_reader(root, uri)
    with TemporaryDirectory(prefix="besom-") as temporary:
        folder = _contents(reader, uri or own_address(root), what, Path(temporary))
        environment.prepare()
        classifier = load(folder)
    return _ask(classifier, texts)


def show(predictions: Sequence[Prediction]) -> None:
    """Print a line for each review; on a terminal, as much of its text as there is room for."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("probability  label     text")
    for prediction in predictions:
        text = " ".join(prediction.text.split())
        print(f"{prediction.probability:11.4f}  {prediction.label:8}  {text}"[:width])


def as_json(predictions: Sequence[Prediction]) -> str:
    """All of it, as a list of objects."""
    rows = [asdict(prediction) for prediction in predictions]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _ask(classifier: TextClassifier, texts: Sequence[str]) -> list[Prediction]:
    try:
        probabilities = classifier.probabilities(texts)
    except ReviewError as error:
        raise DataError(str(error)) from error
    return [
        Prediction(text, float(probability), _label(probability))
        for text, probability in zip(texts, probabilities, strict=True)
    ]


def _label(probability: float) -> str:
    return "positive" if probability > THRESHOLD else "negative"


def _contents(reader: Reader, uri: str, what: str, temporary: Path) -> Path:
    """The folder of a classifier: packed now from a run, or packed when it was registered."""
    from besom.tracking.fetching import address_of, model_file, registered_model

    if RUN_ID.fullmatch(what):
        config = _config(reader, what)
        contents = temporary / "contents"
        contents.mkdir()
        pack(config, model_file(uri, what, temporary), contents)
        return contents
    address = what if what.startswith(REGISTERED) else address_of(_study(reader, what))
    contents = registered_model(uri, address, temporary)
    if not (contents / READING_FILE).exists():
        raise StudyError(f"{address} reads no texts; it was not trained by besom train")
    return contents


def _config(reader: Reader, run_id: str) -> DictConfig:
    """What a run of the workload was made with."""
    read_run(reader, run_id)
    text = reader.text(run_id, "config.yaml")
    config = cast(DictConfig, OmegaConf.create(text or ""))
    if "training" not in config or "data" not in config:
        raise StudyError(
            f"run {run_id} holds no configuration of besom train; give a run that it has made"
        )
    return config


def _study(reader: Reader, name: str) -> str:
    known = reader.studies()
    if name not in known:
        hint = did_you_mean(name, known, f"there are the studies {listed(known)}")
        raise StudyError(f"`{name}` is no run's id, no {REGISTERED}NAME@ALIAS and no study; {hint}")
    return name
