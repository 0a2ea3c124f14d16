"""Generates synthetic film reviews whose sentiment depends on the order of the words.

A review has one opinion ("the plot was not very dull") or two opposed ones, among neutral scenes
("mariski meets torison in the hotel"). Negation reverses an adjective. The word between two
opinions says which one counts: "A but B" means B, "A although B" means A. Either order is equally
likely, so a bag of words can only guess the label of a review with two opinions: with the opinions
swapped, the same bag has the other label.

Word frequencies follow Zipf's law within each list, and lengths are log-normal, as in IMDb. A known
share of the labels is wrong, so the best possible accuracy is known.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, product
from math import exp
from random import Random

import numpy as np

from besom.rnn.data.corpus import INDEX_FROM, SENTIMENTS, START, Corpus, Reviews, WordIndex

VERSION = 1
"""To be raised when the same parameters give other reviews: it is part of the digest."""

SEED = 1812
CONTRAST = 0.4
NEGATION = 0.2
EMPHASIZED = 0.3
MEDIAN_WORDS, SPREAD, MOST_WORDS = 12, 0.5, 60

Words = list[str]


def _words(text: str) -> Words:
    return text.split()


# Each list begins with its most frequent words.
PRAISE = _words("""
    good great wonderful funny moving brilliant charming superb gripping clever beautiful
    touching fresh delightful excellent warm elegant witty memorable tender powerful honest lively
    thrilling graceful inspired subtle radiant masterful captivating heartfelt dazzling sublime
    poignant joyful luminous stirring exquisite rousing spirited
""")

BLAME = _words("""
    bad boring awful dull terrible weak predictable clumsy silly tedious shallow poor messy
    annoying stale lifeless bland hollow sloppy tiresome pointless forced cheap dreary pretentious
    incoherent wooden grating lazy dismal murky insipid vapid plodding soulless inane turgid
    charmless leaden abysmal
""")

NEGATIONS = ["not", "never", "hardly"]
"""Each reverses the adjective after it."""

LAST_COUNTS = ["but", "however", "yet"]
"""Between two opinions: the second one counts."""

FIRST_COUNTS = ["although", "despite", "whereas"]
"""Between two opinions: the first one counts."""

EMPHASIS = ["very", "really", "quite", "so", "utterly"]

SUBJECTS = _words("""
    film story acting plot music ending dialogue cast script direction humour pace
    camera editing beginning hero villain romance action soundtrack
""")

ARTICLES = ["the", "this", "its"]
COPULAS = ["was", "is", "seemed", "felt"]

SCENE_VERBS = ["shows", "follows", "meets", "recalls", "features", "leaves"]
PLACES = _words("""
    town city house school village ship hotel island train farm court desert hospital
    circus prison forest
""")

NAMES = [
    first + middle + last
    for first, middle, last in product(
        ["ma", "to", "re", "ka", "li", "so", "be", "vi", "da", "no"],
        ["ri", "lan", "del", "mo", "ster"],
        ["a", "son", "ski", "elle"],
    )
]
"""People in the plot: 200 words without sentiment, as most rare words are."""


@lru_cache(maxsize=4)
def open_synthetic(train_reviews: int, test_reviews: int, label_noise: float) -> Corpus:
    """Generate the corpus of these sizes: deterministic, balanced, in under a second."""
    random = Random(SEED)
    train, test = (
        [_labelled(random, label_noise, praise=bool(i % 2)) for i in range(reviews)]
        for reviews in (train_reviews, test_reviews)
    )
    index = _rank([words for words, _ in train])
    return Corpus(
        name="synthetic",
        digest=_digest(train_reviews, test_reviews, label_noise),
        classes=SENTIMENTS,
        train=_reviews(train, index),
        test=_reviews(test, index),
        vocab_size=len(index) + INDEX_FROM + 1,
        word_index=lambda: index,
        source=__name__,
    )


def _digest(*parameters: float) -> str:
    text = json.dumps(["besom synthetic", VERSION, SEED, *parameters])
    return hashlib.sha256(text.encode()).hexdigest()


def _labelled(random: Random, label_noise: float, *, praise: bool) -> tuple[Words, int]:
    words = write(random, praise=praise)
    return words, int(praise != (random.random() < label_noise))


def write(random: Random, *, praise: bool) -> Words:
    """Return the words of one review, positive if ``praise``."""
    parts = _opinions(random, praise=praise)
    wanted = min(MEDIAN_WORDS * exp(random.gauss(0.0, SPREAD)), MOST_WORDS)
    while sum(map(len, parts)) < wanted:
        parts.insert(int(random.random() * (len(parts) + 1)), _scene(random))
    return [word for part in parts for word in part]


def _opinions(random: Random, *, praise: bool) -> list[Words]:
    if random.random() >= CONTRAST:
        return [_opinion(random, praise=praise)]
    last_counts = random.random() < 0.5
    link = _pick(random, LAST_COUNTS if last_counts else FIRST_COUNTS)
    first = _opinion(random, praise=praise != last_counts)
    second = _opinion(random, praise=praise == last_counts)
    return [first, [link], second]


def _opinion(random: Random, *, praise: bool) -> Words:
    negated = random.random() < NEGATION
    adjectives = PRAISE if praise != negated else BLAME
    words = [_pick(random, kind) for kind in (ARTICLES, SUBJECTS, COPULAS)]
    if negated:
        words.append(_pick(random, NEGATIONS))
    if random.random() < EMPHASIZED:
        words.append(_pick(random, EMPHASIS))
    return [*words, _pick(random, adjectives)]


def _scene(random: Random) -> Words:
    person, verb, other = (_pick(random, kind) for kind in (NAMES, SCENE_VERBS, NAMES))
    return [person, verb, other, "in", "the", _pick(random, PLACES)]


def _pick(random: Random, words: Sequence[str]) -> str:
    """Draw one of ``words``, the k-th with weight 1/k."""
    return random.choices(words, cum_weights=_zipf(len(words)))[0]


@lru_cache
def _zipf(kinds: int) -> tuple[float, ...]:
    return tuple(accumulate(1 / rank for rank in range(1, kinds + 1)))


def _rank(reviews: Sequence[Words]) -> WordIndex:
    """Return ranks by frequency, from 1; words of equal frequency are in alphabetical order."""
    counts = Counter(word for words in reviews for word in words)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: rank for rank, word in enumerate(ordered, start=1)}


def _reviews(labelled: Sequence[tuple[Words, int]], index: WordIndex) -> Reviews:
    """Encode reviews. As in IMDb's test split, words outside the training reviews are left out."""
    rows = [list(_tokens(words, index)) for words, _ in labelled]
    return Reviews(
        tokens=np.array([token for row in rows for token in row], np.int32),
        offsets=np.array([0, *accumulate(map(len, rows))], np.int64),
        labels=np.array([label for _, label in labelled], np.int64),
    )


def _tokens(words: Words, index: WordIndex) -> Iterator[int]:
    yield START
    yield from (index[word] + INDEX_FROM for word in words if word in index)
