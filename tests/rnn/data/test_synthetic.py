"""Tests the synthetic reviews: reproducible, balanced, and dependent on word order."""

import hashlib
from collections import Counter
from random import Random

import numpy as np
import pytest

from besom.rnn.data import synthetic
from besom.rnn.data.synthetic import CONTRAST, open_synthetic, write


def understand(words: list[str]) -> bool:
    """Return whether a review is positive by the rules of the generator."""
    verdicts: list[bool] = []
    negated, links = False, []
    for word in words:
        negated = negated or word in synthetic.NEGATIONS
        if word in synthetic.PRAISE or word in synthetic.BLAME:
            verdicts.append((word in synthetic.PRAISE) != negated)
            negated = False
        if word in synthetic.LAST_COUNTS + synthetic.FIRST_COUNTS:
            links.append(word)
    return verdicts[-1] if links and links[0] in synthetic.LAST_COUNTS else verdicts[0]


@pytest.mark.parametrize("praise", [True, False])
def test_a_reader_understands_every_review(praise: bool) -> None:
    random = Random(0)
    assert all(understand(write(random, praise=praise)) == praise for _ in range(500))


def test_is_the_same_everywhere() -> None:
    corpus = open_synthetic(50, 20, 0.05)
    content = b"".join(
        np.ascontiguousarray(a).tobytes()
        for a in (corpus.train.tokens, corpus.test.tokens, corpus.train.labels)
    )
    # pragma: allowlist nextline secret
    assert hashlib.sha256(content).hexdigest()[:16] == "2b99caa3d4026a95", (
        "the generator has changed: raise synthetic.VERSION"
    )


def test_the_digest_depends_on_every_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [(50, 20, 0.05), (51, 20, 0.05), (50, 21, 0.05), (50, 20, 0.1)]
    digests = {open_synthetic(*size).digest for size in sizes}
    monkeypatch.setattr(synthetic, "VERSION", synthetic.VERSION + 1)
    open_synthetic.cache_clear()
    digests.add(open_synthetic(*sizes[0]).digest)
    open_synthetic.cache_clear()
    assert len(digests) == 5


def test_labels_are_balanced_and_as_wrong_as_said() -> None:
    labels = open_synthetic(4000, 1000, 0.1).train.labels
    meant = np.arange(4000) % 2
    assert abs(labels.mean() - 0.5) < 0.02
    assert abs((labels != meant).mean() - 0.1) < 0.015
    assert (open_synthetic(400, 10, 0.0).train.labels == meant[:400]).all()


def test_a_bag_of_words_cannot_reach_the_best_accuracy() -> None:
    """The guess is the best one from counts of the decisive words, on the same reviews."""
    random = Random(1)
    told = [(write(random, praise=bool(i % 2)), bool(i % 2)) for i in range(20000)]
    decisive = set(synthetic.LAST_COUNTS + synthetic.FIRST_COUNTS + synthetic.NEGATIONS)
    bags: dict[tuple[object, ...], Counter[bool]] = {}
    for words, praise in told:
        counts = Counter(word for word in words if word in decisive)
        adjectives = (
            sum(word in synthetic.PRAISE for word in words),
            sum(word in synthetic.BLAME for word in words),
        )
        bag = (*adjectives, *sorted(counts.items()))
        bags.setdefault(bag, Counter())[praise] += 1
    accuracy = sum(max(votes.values()) for votes in bags.values()) / len(told)
    best = (1 - CONTRAST) + CONTRAST / 2
    assert best - 0.02 < accuracy < best + 0.04


def test_words_follow_zipf_and_lengths_are_skewed() -> None:
    corpus = open_synthetic(4000, 1000, 0.05)
    lengths = np.diff(corpus.train.offsets)
    assert np.mean(lengths) > np.median(lengths)
    counts = np.bincount(corpus.train.tokens)[4:]
    assert (np.diff(counts) <= 0).all(), "ranks are by frequency"
    assert counts[:100].sum() > 0.8 * counts.sum()
    assert corpus.vocab_size == len(corpus.word_index()) + 4 == corpus.train.tokens.max() + 1


def test_no_word_means_two_things() -> None:
    kinds = [
        synthetic.PRAISE, synthetic.BLAME, synthetic.NEGATIONS, synthetic.LAST_COUNTS,
        synthetic.FIRST_COUNTS, synthetic.EMPHASIS, synthetic.SUBJECTS, synthetic.ARTICLES,
        synthetic.COPULAS, synthetic.SCENE_VERBS, synthetic.PLACES, synthetic.NAMES,
    ]  # fmt: skip
    words = [word for kind in kinds for word in kind]
    assert [word for word, count in Counter(words).items() if count > 1] == []
