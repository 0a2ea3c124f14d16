"""A user's own sweep file, with any YAML or none."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.damage import JSON, Damage, damages
from tests.fuzz.harness import emptied, examples, run, run_or_refused
from tests.fuzz.test_overrides import SWEEPER_KEYS, VALUES
from tests.fuzz.test_spaces import EXPRESSIONS

DEFAULTS = ["train", "sweep", {"override hydra/sweeper": "besom"}, "_self_"]
FIRST_LINE = "# override hydra/sweeper: besom\n"
"""A file without these words is refused before it is read."""
ENTRIES = st.sampled_from(
    [
        *DEFAULTS,
        *({"override data": "synthetic"}, {"override model": "gru"}, {"override model": None}),
        *({"override hydra/sweeper/pruner": "median"}, {"override hydra/sweeper/sampler": "x"}),
        *({"model": "lstm"}, {"optional nowhere": "x"}, "nowhere", "mine", None, 3, [], {}),
        *({"override hydra/sweeper": ["besom", "basic"]}, {"data@model": "imdb"}, "/train", ""),
    ]
)
PARAMS = st.dictionaries(
    st.sampled_from(["model", "model.units", "seed", "x", "training.epochs", "data.vocab_size"]),
    EXPRESSIONS | JSON,
    max_size=3,
)
SWEEPERS = st.dictionaries(
    st.sampled_from(SWEEPER_KEYS), JSON | st.sampled_from(VALUES), max_size=2
).flatmap(lambda options: PARAMS.map(lambda params: {"params": params, **options}))
TOPS = st.sampled_from(["training", "model", "data", "tracking", "seed", "hydra", "defaults", "é"])


@st.composite
def files(draw: st.DrawFn) -> Any:
    content: dict[Any, Any] = {"defaults": DEFAULTS, "hydra": {"sweeper": draw(SWEEPERS)}}
    if draw(st.booleans()):
        content["defaults"] = draw(st.lists(ENTRIES, max_size=5) | st.just(DEFAULTS) | JSON)
    return content | draw(st.dictionaries(TOPS, JSON, max_size=1))


def swept(place: Path, content: bytes) -> None:
    work = emptied(place)
    (work / "sweeps").mkdir()
    (work / "sweeps" / "mine.yaml").write_bytes(content)
    for words in (["sweep"], ["sweep", "mine"]):
        run_or_refused(run(words), [path for path in work.iterdir() if path.name != "sweeps"])


@examples(15)
@given(files())
@example({"defaults": DEFAULTS, "hydra": {"sweeper": {"params": {"model": "range(0,1)"}}}})
def test_a_file_of_any_values(place: Path, content: Any) -> None:
    swept(place, FIRST_LINE.encode() + yaml.safe_dump(content, allow_unicode=True).encode())


WHOLE = FIRST_LINE + yaml.safe_dump(
    {"defaults": DEFAULTS, "hydra": {"sweeper": {"params": {"model.units": "range(8,65,step=8)"}}}}
)
UNTOUCHED: Damage = bytes


@examples(3)
@given(damage=damages(), text=st.just(WHOLE))
@example(damage=UNTOUCHED, text="")
@example(damage=UNTOUCHED, text=FIRST_LINE)
@example(damage=UNTOUCHED, text=FIRST_LINE + "a: &a [*a]\n")
@example(damage=UNTOUCHED, text=FIRST_LINE + "a: &a {b: *a}\n")
@example(damage=UNTOUCHED, text=FIRST_LINE + "a: " + "[" * 5000)
@example(damage=UNTOUCHED, text=FIRST_LINE + "a: " + "[" * 200 + "]" * 200)
@example(damage=UNTOUCHED, text=WHOLE + "seed: 1\nseed: 2\n")
@example(damage=UNTOUCHED, text=WHOLE + "\tseed: 1\n")
@example(damage=UNTOUCHED, text=WHOLE + "seed: !!python/object/apply:os.getcwd []\n")
@example(damage=UNTOUCHED, text=WHOLE + "seed: ${seed}\n")
@example(damage=UNTOUCHED, text=WHOLE + "seed: ${oc.env:NOT_THERE}\n")
@example(damage=UNTOUCHED, text=WHOLE + "? [1, 2]\n: 3\n")
@example(damage=UNTOUCHED, text=WHOLE + "---\nseed: 1\n")
@example(damage=UNTOUCHED, text=WHOLE + "seed: 2001-01-01\n")
@example(damage=lambda content: content + b"\xff\xfe", text=WHOLE)
@example(damage=lambda content: content + b"\0", text=WHOLE)
def test_a_damaged_file(place: Path, damage: Damage, text: str) -> None:
    swept(place, damage(text.encode()))
