"""What travels with a trained network, so that it reads texts wherever it is served."""

from pathlib import Path

from omegaconf import DictConfig

from besom.app.hooks import Packaging
from besom.rnn import text_classifier
from besom.rnn.data import open_corpus
from besom.rnn.data.corpus import INDEX_FROM

CONTENTS = Packaging(
    code=Path(text_classifier.__file__),
    # Token lists are of any length; MLflow's arrays of numbers cannot be sent as one column.
    inputs={"text": "string", "tokens": "any"},
    output="float",
    example=[
        {"text": "a wonderful, moving film"},
        {"text": "the plot was dull and the ending silly"},
    ],
    requirements=("keras", "tensorflow", "numpy"),
)


def pack_model(config: DictConfig, model_file: Path, folder: Path) -> Packaging:
    """Write the network and how it reads into ``folder``. Needs no TensorFlow.

    Args:
        config: the configuration of the run, whose data set knows the words.
        model_file: the ``.keras`` file of the run.
        folder: where to write; it is there and empty.

    Raises:
        DataError: the data set is missing or damaged.
    """
    index = open_corpus(config.data).word_index()
    words = {word: rank + INDEX_FROM for word, rank in index.items()}
    text_classifier.save(folder, model_file, words, config.data.vocab_size, config.data.max_length)
    return CONTENTS
