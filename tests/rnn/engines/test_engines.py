"""Tests that both engines compute the same, and that programs are shared only where equal."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from besom.rnn.config import Training
from besom.rnn.data import Split
from besom.rnn.engines.base import ENGINES, Score

pytestmark = pytest.mark.usefixtures("tensorflow")

# The sizes of the other tests' configuration, so that one program serves them all.
VOCAB_SIZE, MAX_LENGTH, REVIEWS = 50, 8, 80


def split(reviews: int, seed: int = 0) -> Split:
    """Return reviews whose label, which can be learned, is whether the middle token is small."""
    random = np.random.default_rng(seed)
    tokens = random.integers(1, VOCAB_SIZE, (reviews, MAX_LENGTH), np.int32)
    return Split(tokens, (tokens[:, MAX_LENGTH // 2] < VOCAB_SIZE // 2).astype(np.int64))


def split_of(n_classes: int, reviews: int, seed: int = 0) -> Split:
    """Return reviews whose class is given by the part of the vocabulary that holds the middle
    token; the first class's part is twice as wide as the others."""
    tokens = split(reviews, seed).tokens
    labels = tokens[:, MAX_LENGTH // 2] * (n_classes + 1) // VOCAB_SIZE - 1
    return Split(tokens, np.maximum(labels, 0).astype(np.int64))


def made(
    engine: str,
    train: Split,
    batch_size: int = 32,
    model: str = "simple_rnn",
    units: int = 4,
    embedding_dim: int = 4,
    optimizer: str = "adam",
    dropout: float = 0.0,
    learning_rate: float = 0.01,
    seed: int = 0,
    n_classes: int = 2,
    class_weight: str | None = None,
    embedding_dropout: float | None = None,
    pooling: str | None = None,
    **asked: Any,
) -> Any:
    """Return a new engine and its new model.

    Args:
        asked: further keys of ``training``.
    """
    from besom.rnn.engines.base import make_engine
    from besom.rnn.models import build_model, reset

    reset(seed)
    layers: Any = SimpleNamespace(
        name=model,
        embedding_dim=embedding_dim,
        dropout=dropout,
        units=units,
        filters=units,
        kernel_sizes=[2, 3],
        ngrams=2,
        buckets=40,
        embedding_dropout=embedding_dropout,
        pooling=pooling,
    )
    network = build_model(layers, VOCAB_SIZE, MAX_LENGTH, n_classes)
    training = Training(
        engine=engine,
        optimizer=optimizer,
        batch_size=batch_size,
        epochs=2,
        learning_rate=learning_rate,
        class_weight=class_weight,
        **asked,
    )
    return make_engine(network, training, train, n_classes), network


def history(engine: Any, train: Split, validation: Split, epochs: int = 2) -> np.ndarray:
    """Return the metrics of each epoch, [epochs, 4]; with macro F1, [epochs, 5]."""
    from besom.rnn.fit import fit, make_order

    trained = fit(engine, make_order("every_epoch", 1, len(train)), validation, epochs)
    return np.array([list(epoch.metrics.values()) for epoch in trained])


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            {"model": "bidirectional_gru", "units": 3, "batch_size": 40, "optimizer": "rmsprop"},
            marks=pytest.mark.slow,
        ),
        {
            "model": "lstm",
            "pooling": "max",
            "batch_size": 30,
            "optimizer": "sgd",
            "learning_rate": 0.1,
        },
        {"model": "convolution", "batch_size": 40},
        {"model": "fasttext", "batch_size": 30},
        {"model": "fasttext", "batch_size": 1, "learning_rate": 0.001},  # 80 steps: two periods
        {
            "model": "bidirectional_simple_rnn",
            "pooling": "mean",
            "batch_size": 30,
            "weight_decay": 0.1,
            "global_clipnorm": 0.05,
            "learning_rate_schedule": "cosine",
            "warmup": 0.3,
        },
    ],
    ids=str,
)
def test_both_find_the_same_losses(settings: dict[str, Any]) -> None:
    """With 80 reviews, the last batch is smaller for size 30, and full for size 40."""
    train, validation = split(REVIEWS), split(40, seed=1)
    found = []
    for name in ENGINES:
        engine, _ = made(name, train, **settings)
        found.append(history(engine, train, validation))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    assert found[0][0, 0] != found[0][1, 0]


@pytest.mark.parametrize("kind", ["constant", "linear", "cosine"])
def test_a_learning_rate_grows_then_falls_to_nothing(kind: str) -> None:
    import keras

    from besom.rnn.engines.optimizer import Schedule

    schedule = Schedule(kind, peak=0.5, n_steps=12, n_warmup=4)
    rates = [float(schedule(step)) for step in range(13)]
    assert rates[:4] == pytest.approx([0.125, 0.25, 0.375, 0.5])
    last = {"constant": 0.5, "linear": 0.0, "cosine": 0.0}[kind]
    assert (
        rates[12] == pytest.approx(last, abs=1e-6) and sorted(rates[4:], reverse=True) == rates[4:]
    )
    if kind == "cosine":
        stock = keras.optimizers.schedules.CosineDecay(0.5, 12)
        plain = Schedule(kind, peak=0.5, n_steps=12, n_warmup=0)
        for step in range(13):
            assert float(plain(step)) == pytest.approx(float(stock(step)), abs=1e-6)


def test_what_is_asked_of_an_optimizer_is_keras_own_and_nothing_where_it_is_null() -> None:
    import keras

    from besom.rnn.engines.optimizer import make_optimizer

    plain = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 30, "epochs": 4}
    nothing = make_optimizer(Training(**plain), 100).get_config()
    assert nothing | {"name": ""} == keras.optimizers.Adam(0.01).get_config() | {"name": ""}
    constant = Training(**plain, learning_rate_schedule="constant", warmup=0.0, weight_decay=0.0)
    assert make_optimizer(constant, 100).get_config() | {"name": ""} == nothing | {"name": ""}
    asked = Training(**plain, weight_decay=0.1, global_clipnorm=2.0)
    stock = keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=2.0).get_config()
    found = make_optimizer(asked, 100).get_config()
    assert found | {"name": ""} == stock | {"name": ""}


def test_trainings_that_differ_in_rate_and_length_share_a_program() -> None:
    """A schedule's numbers are variables of the program; its kind is compiled in."""
    from besom.rnn.engines.optimizer import make_optimizer
    from besom.rnn.engines.xla import _settings

    plain = {"optimizer": "adam", "batch_size": 30, "warmup": 0.1}
    one, other, third = (
        _settings(make_optimizer(Training(**plain, **asked), 100)) | {"name": ""}
        for asked in (
            {"learning_rate": 0.1, "epochs": 4, "learning_rate_schedule": "cosine"},
            {"learning_rate": 0.2, "epochs": 8, "learning_rate_schedule": "cosine"},
            {"learning_rate": 0.1, "epochs": 4, "learning_rate_schedule": "linear"},
        )
    )
    assert one == other != third


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3, "learning_rate_schedule": "cosine", "warmup": 0.2},
        *(
            pytest.param(settings, marks=pytest.mark.slow)  # the same for other networks
            for settings in (
                {"model": "gru", "pooling": "max", "optimizer": "rmsprop", "n_classes": 4},
                {"model": "bidirectional", "optimizer": "sgd", "class_weight": "balanced"},
                {"model": "convolution", "weight_decay": 0.1, "global_clipnorm": 0.05},
                {"model": "fasttext", "embedding_dropout": 0.3, "n_classes": 4},
            )
        ),
    ],
    ids=str,
)
def test_a_training_after_another_of_its_shape_finds_what_it_finds_alone(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its program was traced with the first one's weights, moments, generators and schedule."""
    from besom.rnn.engines import compiled

    n_classes = settings.get("n_classes", 2)
    train = split(REVIEWS) if n_classes == 2 else split_of(n_classes, REVIEWS)

    def bits(seed: int, learning_rate: float) -> bytes:
        engine, network = made("xla", train, seed=seed, learning_rate=learning_rate, **settings)
        found = history(engine, train, train)
        return found.tobytes() + b"".join(w.tobytes() for w in network.get_weights())

    monkeypatch.setattr(compiled, "_kept", type(compiled._kept)())
    first, second = bits(1, 0.01), bits(2, 0.02)
    assert len(compiled._kept) == 2
    compiled._kept.clear()
    assert [bits(2, 0.02), bits(1, 0.01)] == [second, first] and first != second


def test_both_find_the_same_losses_of_many_classes() -> None:
    train, validation = split_of(4, REVIEWS), split_of(4, 40, seed=1)
    found = [history(made(name, train, n_classes=4)[0], train, validation) for name in ENGINES]
    assert found[0].shape == (2, 5)
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def test_weights_of_classes_change_the_training_alone() -> None:
    """Also for two classes, and by stock Keras; a review of a rare class counts more."""
    reviews = split(REVIEWS)
    rare = np.flatnonzero(reviews.labels)[:10]
    rows = np.concatenate([np.flatnonzero(reviews.labels == 0), rare])
    train = Split(reviews.tokens[rows], reviews.labels[rows])
    validation = split(40, seed=1)
    plain, _ = made("xla", train)
    as_scored = plain.evaluate(validation)
    found = []
    for name in ENGINES:
        engine, network = made(name, train, class_weight="balanced")
        assert engine.evaluate(validation).loss == pytest.approx(as_scored.loss, abs=1e-5)
        found.append(history(engine, train, validation))
        assert network.predict(validation.tokens, verbose=0).mean() > 0.4
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    unweighted = history(plain, train, validation)
    assert abs(unweighted[0] - found[0][0]).max() > 1e-3


@pytest.mark.parametrize("name", ENGINES)
def test_macro_f1_is_scikit_learns(name: str) -> None:
    """Also where a class is neither present nor predicted: three reviews, four classes."""
    from sklearn.metrics import f1_score

    engine, network = made(name, split_of(4, REVIEWS), n_classes=4)
    for reviews in (3, 1001):
        scored = split_of(4, reviews, seed=2)
        answers = network.predict(scored.tokens, verbose=0).argmax(axis=1)
        expected = f1_score(scored.labels, answers, average="macro", zero_division=0)
        assert engine.evaluate(scored).macro_f1 == pytest.approx(expected, abs=1e-6)


def test_balanced_weights_give_each_class_the_same_sum() -> None:
    from besom.rnn.engines.base import class_weights

    train = Split(np.zeros((8, 1), np.int32), np.array([0, 0, 0, 0, 0, 2, 2, 2]))
    balanced: Any = SimpleNamespace(class_weight="balanced")
    weights = class_weights(balanced, train, n_classes=3)
    assert weights is not None and weights[train.labels].sum() == pytest.approx(16 / 3)
    assert weights[0] * 5 == pytest.approx(weights[2] * 3)
    assert class_weights(SimpleNamespace(class_weight=None), train, 3) is None  # type: ignore[arg-type]


def test_both_find_the_same_losses_at_the_baselines_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Length 100 and batches of 128, the last one smaller: rounding errors can add up."""
    monkeypatch.setattr(f"{__name__}.MAX_LENGTH", 100)
    train, validation = split(600), split(100, seed=1)
    sizes = {"units": 32, "embedding_dim": 32, "batch_size": 128, "learning_rate": 0.001}
    found = [history(made(name, train, **sizes)[0], train, validation) for name in ENGINES]
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def test_both_score_any_number_of_reviews_and_move_their_models_weights_alike() -> None:
    train = split(REVIEWS)
    (one, first), (other, second) = (made(name, train) for name in ENGINES)
    for reviews in (1, 999, 1000, 1001, 2300):
        found, expected = (engine.evaluate(split(reviews, seed=2)) for engine in (one, other))
        assert found.loss == pytest.approx(expected.loss, abs=1e-5), reviews
        assert found.accuracy == pytest.approx(expected.accuracy, abs=1e-6), reviews
    before = first.get_weights()
    for engine in (one, other):
        engine.train(np.arange(REVIEWS, dtype=np.int32))
    for weights in zip(first.get_weights(), second.get_weights(), before, strict=True):
        np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)
        assert (weights[0] != weights[2]).any()


def test_engines_of_one_shape_need_no_session_of_their_own() -> None:
    """Names that Keras numbers must not enter a program: TensorFlow would take it for another."""
    import keras

    from besom.rnn.engines.xla import XlaEngine

    train = split(REVIEWS)
    _, network = made("xla", train)
    again = keras.models.clone_model(network)
    again.set_weights(network.get_weights())
    scores = [
        XlaEngine(model, keras.optimizers.Adam(0.01), train, 32).evaluate(train)
        for model in (network, again)
    ]
    assert scores[0] == scores[1]


def test_engines_of_one_shape_share_a_program_and_nothing_else() -> None:
    """Each of two engines has its own weights; order and learning rate are not compiled in."""
    train = split(REVIEWS)
    order = np.arange(REVIEWS, dtype=np.int32)
    (one, network), (two, _) = made("xla", train, seed=1), made("xla", train, seed=2)
    before = network.get_weights()[0]
    alternating = [one.train(order), two.train(order), one.train(order), two.train(order)]
    moved = np.abs(network.get_weights()[0] - before).max()
    alone, _ = made("xla", train, seed=1)
    assert [alternating[0], alternating[2]] == [alone.train(order), alone.train(order)]
    assert alternating[0] != alternating[1]
    slow, crawling = made("xla", train, seed=1, learning_rate=1e-4)
    assert slow.train(order[::-1].copy()).loss != alternating[0].loss
    assert 0 < 20 * np.abs(crawling.get_weights()[0] - before).max() < moved


def test_dropout_drops_in_training_as_often_as_it_says_and_never_when_scoring() -> None:
    """The programs have equal shapes, and compiled programs are cached by name."""
    train = split(REVIEWS)
    order = np.arange(REVIEWS, dtype=np.int32)
    plain, network = made("xla", train)
    weights = network.get_weights()
    as_scored, as_trained = plain.evaluate(train), plain.train(order)
    found: dict[float, Score] = {}
    for dropout in (0.5, 0.3, 0.5):
        engine, network = made("xla", train, dropout=dropout)
        network.set_weights(weights)
        assert engine.evaluate(train) == as_scored
        score = engine.train(order)
        assert found.setdefault(dropout, score) == score != as_trained
    assert found[0.5] != found[0.3]
