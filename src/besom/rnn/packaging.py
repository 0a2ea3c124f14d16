"""Packs a trained network with everything that it needs to read texts where it is served."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from zipfile import ZipFile

from omegaconf import DictConfig

from besom.app.hooks import Packaging
from besom.app.modules.own_files import own_places
from besom.app.modules.reference import Reference, search_working_folder
from besom.rnn import text_classifier
from besom.rnn.config import kind_of
from besom.rnn.data import open_corpus
from besom.rnn.data.corpus import INDEX_FROM
from besom.rnn.models.own import KEY, foreign

EXAMPLE_WORDS = 5
"""The number of most frequent words in the example text: no text of the user is disclosed."""

CONTENTS = Packaging(
    code=Path(text_classifier.__file__),
    # Token lists have any length, and MLflow cannot send its arrays of numbers as one column. In a
    # column of strings it would turn a null into the text `None`, and a number into its digits.
    inputs={"text": "any", "tokens": "any"},
    output="float",  # the probability of praise
    example=[
        {"text": "a wonderful, moving film"},
        {"text": "the plot was dull and the ending silly"},
    ],
    requirements=("keras", "tensorflow", "numpy"),
)
"""The packaging for film reviews."""


def pack_model(config: DictConfig, model_file: Path, folder: Path) -> Packaging:
    """Write the network and the words that it reads into ``folder``. Needs no TensorFlow.

    Args:
        config: the configuration of the run; its data set has the words.
        model_file: the ``.keras`` file of the run.
        folder: an existing, empty folder.

    Raises:
        DataError: the data set is missing or damaged.
    """
    data = config.data
    corpus = open_corpus(data, config.training.validation_split)
    words = {word: rank + INDEX_FROM for word, rank in corpus.word_index().items()}
    modules = _own_modules(config, model_file)
    places = {place for name in modules for place in own_places(name)}
    contents = replace(CONTENTS, modules=tuple(sorted(places)))
    reading = words, data.vocab_size, data.max_length
    if kind_of(data) != "text_files":
        text_classifier.save(folder, model_file, *reading, modules=modules)
        return contents
    column = data.text if data.text != "tokens" else "text"
    text_classifier.save(folder, model_file, *reading, corpus.classes, column, modules)
    return replace(
        contents,
        inputs={column: "any", "tokens": "any"},
        output={"label": "string", "probability": "double", "probabilities": "any"},
        example=[{column: " ".join([*islice(words, EXAMPLE_WORDS)])}],
        requirements=(*CONTENTS.requirements, "pandas"),
    )


def _own_modules(config: DictConfig, model_file: Path) -> list[str]:
    """Return the module of ``model.build``, which registers the network's own layers, if any."""
    build = config.model.get("build")
    if build is None or not foreign(json.loads(ZipFile(model_file).read("config.json"))):
        return []
    search_working_folder()
    return [Reference.read(KEY, build).module]
