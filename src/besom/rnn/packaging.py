"""What travels with a trained network, so that it reads texts wherever it is served."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from omegaconf import DictConfig

from besom.app.hooks import Packaging
from besom.rnn import text_classifier
from besom.rnn.config import kind_of
from besom.rnn.data import open_corpus
from besom.rnn.data.corpus import INDEX_FROM

EXAMPLE_WORDS = 5
"""Of the most frequent, as an example of a text: none of the user's own is given away."""

CONTENTS = Packaging(
    code=Path(text_classifier.__file__),
    # Token lists are of any length; MLflow's arrays of numbers cannot be sent as one column.
    inputs={"text": "string", "tokens": "any"},
    output="float",  # the probability of praise
    example=[
        {"text": "a wonderful, moving film"},
        {"text": "the plot was dull and the ending silly"},
    ],
    requirements=("keras", "tensorflow", "numpy"),
)
"""Of film reviews."""


def pack_model(config: DictConfig, model_file: Path, folder: Path) -> Packaging:
    """Write the network and how it reads into ``folder``. Needs no TensorFlow.

    Args:
        config: the configuration of the run, whose data set knows the words.
        model_file: the ``.keras`` file of the run.
        folder: where to write; it is there and empty.

    Raises:
        DataError: the data set is missing or damaged.
    """
    data = config.data
    corpus = open_corpus(data, config.training.validation_split)
    words = {word: rank + INDEX_FROM for word, rank in corpus.word_index().items()}
    reading = words, data.vocab_size, data.max_length
    if kind_of(data) != "text_files":
        text_classifier.save(folder, model_file, *reading)
        return CONTENTS
    column = data.text if data.text != "tokens" else "text"
    text_classifier.save(folder, model_file, *reading, corpus.classes, column)
    return replace(
        CONTENTS,
        inputs={column: "string", "tokens": "any"},
        output={"label": "string", "probability": "double", "probabilities": "any"},
        example=[{column: " ".join([*islice(words, EXAMPLE_WORDS)])}],
        requirements=(*CONTENTS.requirements, "pandas"),
    )
