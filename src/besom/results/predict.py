"""``besom predict``: applies a recorded model to new texts."""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig

from besom.app.modules.reference import search_working_folder
from besom.common.errors import DataError, StudyError
from besom.common.text import printable
from besom.results.studies import RUN_ID, read_run, read_study
from besom.results.tables import rows_as_json
from besom.results.workload import is_of_another_application, workload_config
from besom.rnn import environment
from besom.rnn.config import kind_of
from besom.rnn.data import open_corpus
from besom.rnn.models.own import OUTSIDE
from besom.rnn.packaging import pack_model
from besom.rnn.text_classifier import READING_FILE, ReviewError, TextClassifier, load
from besom.rnn.train import DATA_DIGEST
from besom.tracking import schema
from besom.tracking.address import own_address
from besom.tracking.reader import Reader, meant, open_reader

REVIEW_CLASSES = ("negative", "positive")
"""The classes of film reviews, which a model of these does not name."""

REGISTERED = "models:/"

FOREIGN = (
    "is of another application, and predict asks what besom train has trained; `besom ui` shows "
    "the models that it has saved, for MLflow to load"
)


@dataclass(frozen=True)
class Prediction:
    """One text and its most likely class.

    ``probability`` is that of the class, and ``probabilities`` has those of all classes.
    """

    text: str
    probability: float
    label: str
    probabilities: Mapping[str, float]


def read_file(file: Path) -> list[str]:
    """Read one text from each line. Blank lines at the end are ignored.

    Only a line feed, with or without a carriage return before it, ends a line. So the answers have
    the same order as the lines.

    Raises:
        DataError: the file is missing, empty or not text, or another line is blank.
    """
    try:
        reviews = re.split(r"\r?\n", file.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DataError(
            f"`{file}` cannot be read: {reason}; give a text file with one text a line"
        ) from error
    while reviews and not reviews[-1].strip():  # at the end of the file
        del reviews[-1]
    if not reviews:
        raise DataError(f"`{file}` is empty; give a text file with one text a line")
    for number, review in enumerate(reviews, start=1):
        if not review.strip():
            raise DataError(
                f"`{file}`, line {number} is blank, and each line is a text with an answer of its "
                "own; leave it out"
            )
    return reviews


def predict(
    root: Path, uri: str | None, what: str, texts: Sequence[str], file: Path | None = None
) -> list[Prediction]:
    """Apply a model to texts.

    Args:
        root: the folder of the record.
        uri: MLflow's address, if the record is not below ``root``.
        what: a run by its id, a model as ``models:/NAME@ALIAS`` or ``models:/NAME/3``, or a study,
            which stands for its champion.
        texts: the texts to classify.
        file: the file with these texts as lines; None if they were given one by one.

    Raises:
        StoreError: there is no record, or it does not answer.
        StudyError: there is no such model, it cannot be loaded, or it does not read texts.
        DataError: a text has no word, or none that the model knows.
    """
    reader = open_reader(root, uri)
    with TemporaryDirectory(prefix="besom-") as temporary:
        folder = _contents(reader, uri or own_address(root), what, Path(temporary))
        classifier = _load(folder, what)
    try:
        return _ask(classifier, texts)
    except ReviewError as error:
        place = "text" if file is None else f"`{file}`, line"
        raise DataError(re.sub(r"^text(?= \d)", lambda _: place, str(error))) from error
    except Exception as error:  # layers of a user's own network may raise anything
        raise StudyError(
            f"the model of {what} cannot read these texts: {_reason(error)}\n"
            "Its network does not fit its data (too small an Embedding, say); train another."
        ) from error


def show(predictions: Sequence[Prediction]) -> None:
    """Print a line for each text; on a terminal, cut to its width."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    labels = [printable(prediction.label) for prediction in predictions]
    n_letters = max(8, *map(len, labels))
    print(f"probability  {'label':{n_letters}}  text")
    for prediction, label in zip(predictions, labels, strict=True):
        text = printable(" ".join(prediction.text.split()))
        print(f"{prediction.probability:11.4f}  {label:{n_letters}}  {text}"[:width])


def as_json(predictions: Sequence[Prediction]) -> str:
    """Return all predictions as a JSON list of objects."""
    return rows_as_json(asdict(prediction) for prediction in predictions)


def _load(folder: Path, what: str) -> TextClassifier:
    environment.prepare()
    search_working_folder()
    try:
        return load(folder)
    except ModuleNotFoundError as error:
        raise StudyError(
            f"the model of {what} has layers of the module `{error.name}`, which is not found from "
            "here; call besom predict in the folder where it was trained"
        ) from error
    except Exception as error:  # a damaged file can raise anything
        raise StudyError(
            f"the model of {what} cannot be loaded: {_reason(error)}\n"
            "It is damaged, or runs code when it is loaded, which Keras' safe mode refuses."
        ) from error


def _ask(classifier: TextClassifier, texts: Sequence[str]) -> list[Prediction]:
    answers = classifier.answers(texts, classifier.classes or REVIEW_CLASSES)
    return [Prediction(text, **row) for text, row in zip(texts, answers, strict=True)]


def _reason(error: Exception) -> str:
    """Return an error's first line; of TensorFlow's, the part about an index outside a table."""
    if outside := OUTSIDE.search(str(error)):
        return outside[0]
    return printable(next(iter(str(error).strip().splitlines()), type(error).__name__))


def _contents(reader: Reader, uri: str, what: str, temporary: Path) -> Path:
    """Return the folder of a classifier: packed now from a run, or when it was registered."""
    from besom.tracking.models.model_files import address_of, model_file, registered_model

    if RUN_ID.fullmatch(what):
        run_id = what.lower()
        config = _config(reader, run_id)
        _refuse_other_data(reader, run_id, config)
        contents = temporary / "contents"
        contents.mkdir()
        pack_model(config, model_file(uri, run_id, temporary, reader.flags), contents)
        return contents
    study = None if what.startswith(REGISTERED) else _study(reader, what)
    address = what if study is None else address_of(study)
    contents = registered_model(uri, address, temporary, study, reader.flags)
    if not (contents / READING_FILE).exists():
        raise StudyError(f"{address} reads no texts; it was not trained by besom train")
    return contents


def _config(reader: Reader, run_id: str) -> DictConfig:
    """Return the configuration of a run of the workload."""
    read_run(reader, run_id)
    config = workload_config(reader.text(run_id, schema.CONFIG_FILE))
    if config is None:
        raise StudyError(f"run {run_id} {FOREIGN}")
    return config


def _refuse_other_data(reader: Reader, run_id: str, config: DictConfig) -> None:
    """Refuse a run whose text file has changed since.

    The numbers of the words come from the file, so with another file the model would read nonsense.
    """
    if kind_of(config.data) != "text_files":
        return
    then = read_run(reader, run_id).run.tags.get(DATA_DIGEST)
    now = open_corpus(config.data, config.training.validation_split).digest
    if then not in (None, now):
        raise StudyError(
            f"{config.data.path} is not as it was when run {run_id} was trained; bring it back, or "
            "ask a study's champion, which has its words"
        )


def _study(reader: Reader, name: str) -> str:
    if name not in reader.studies():
        hint = meant(reader, name)
        raise StudyError(f"`{name}` is no run's id, no {REGISTERED}NAME@ALIAS and no study; {hint}")
    if is_of_another_application(reader, read_study(reader, name)):
        raise StudyError(f"study {name} {FOREIGN}")
    return name
