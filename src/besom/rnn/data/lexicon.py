"""The words of the synthetic reviews, the most frequent of each list first."""

from itertools import product


def words(text: str) -> list[str]:
    """The words of a block of text."""
    return text.split()


PRAISE = words("""
    good great wonderful funny moving brilliant charming superb gripping clever beautiful
    touching fresh delightful excellent warm elegant witty memorable tender powerful honest lively
    thrilling graceful inspired subtle radiant masterful captivating heartfelt dazzling sublime
    poignant joyful luminous stirring exquisite rousing spirited
""")

BLAME = words("""
    bad boring awful dull terrible weak predictable clumsy silly tedious shallow poor messy
    annoying stale lifeless bland hollow sloppy tiresome pointless forced cheap dreary pretentious
    incoherent wooden grating lazy dismal murky insipid vapid plodding soulless inane turgid
    charmless leaden abysmal
""")

NEGATIONS = ["not", "never", "hardly"]
"""Each turns the adjective after it into its opposite."""

LAST_COUNTS = ["but", "however", "yet"]
"""Between two opinions: the second is what the reviewer means."""

FIRST_COUNTS = ["although", "despite", "whereas"]
"""Between two opinions: the first is what the reviewer means."""

EMPHASIS = ["very", "really", "quite", "so", "utterly"]

SUBJECTS = words("""
    film story acting plot music ending dialogue cast script direction humour pace
    camera editing beginning hero villain romance action soundtrack
""")

ARTICLES = ["the", "this", "its"]
COPULAS = ["was", "is", "seemed", "felt"]

SCENE_VERBS = ["shows", "follows", "meets", "recalls", "features", "leaves"]
PLACES = words("""
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
"""People in the plot: 200 words that say nothing of the verdict, as rare words mostly do."""
