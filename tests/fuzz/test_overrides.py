"""Overrides on the command line, from nearly valid to nonsense."""

from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fuzz.harness import emptied, examples, run, run_or_refused
from tests.fuzz.test_spaces import EXPRESSIONS

KEYS = [
    *("data", "data.name", "data.vocab_size", "data.max_length", "data.path"),
    *("data.train_reviews", "data.label_noise", "model", "model.name", "model.units"),
    *("model.dropout", "training", "training.batch_size", "training.epochs"),
    *("training.learning_rate", "training.optimizer", "training.validation_split"),
    *("training.restore_best", "training.patience", "tracking", "tracking.root", "tracking.uri"),
    *("tracking.experiment", "seed", "evaluate_test", "schema", "experiment", "defaults"),
    *("hydra", "hydra.mode", "hydra.job.name", "hydra.job.chdir", "hydra.job.env_set"),
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.verbose"),
    *("hydra.output_subdir", "hydra.job_logging.root.level", "hydra/job_logging"),
    *("hydra.searchpath", "hydra.runtime.cwd", "hydra.overrides.task", "hydra.callbacks"),
    *("hydra/launcher", "hydra/sweeper", "hydra/sweeper/sampler", "hydra/sweeper/pruner"),
]
SWEEPER_KEYS = [
    *("n_trials", "n_jobs", "study_name", "storage", "tracking_uri", "experiment", "direction"),
    *("objective", "params", "params.seed", "custom_search_space", "max_failure_rate", "root"),
    *("max_attempts", "timeout", "trial_timeout", "hang_timeout", "duplicates", "confirm"),
    *("confirm.top_k", "confirm.seeds", "confirm.seed_key", "confirm.metric", "dry_run"),
    *("confirm.direction", "confirm.overrides", "sampler", "sampler.seed", "sampler.history"),
    *("sampler.n_startup_trials", "pruner", "pruner.name", "pruner.n_startup_trials"),
    *("resources", "resources.cpus", "resources.gpus", "resources.memory"),
]
VALUES = [
    *("", "null", "true", "abc", "0", "-1", "1", "2", "1.5", "nan", "inf", "1e400", "1" * 400),
    *(
        "a,b",
        "1,2,3",
        "[1,2]",
        "[]",
        "{}",
        "{a:1}",
        "{a:{b:[1]}}",
        "'a b'",
        '"',
        "'",
        "\\",
        "(",
        "[",
    ),
    *("${seed}", "${nowhere}", "${model.units}", "${oc.env:NOT_THERE}", "${hydra:job.name}"),
    *("${now:%Y}", "${", "${}", "${a.b.c}", "${oc.decode:'['}", "${oc.env:BESOM_CACHE}"),
    *("é", "🧹", "\x00", "\x1b[2J", "a\nb", "a" * 10_000, "\udcff", "%", "~", "#", "???", "@"),
    *("imdb", "synthetic", "gru", "besom", "basic", "tpe", "maximize", "[minimize,maximize]"),
]
ELSEWHERE = ("dir", "root", "uri", "storage", "path", "name", "cwd")
"""Words in keys whose values are paths or addresses: no input may leave the working folder."""


@st.composite
def keys(draw: st.DrawFn, known: list[str]) -> str:
    key = draw(st.sampled_from(known))
    match draw(st.integers(0, 20)):
        case 0:
            at = draw(st.integers(0, len(key)))
            return key[:at] + draw(st.text(max_size=3)) + key[at + 1 :]
        case 1:
            return f"{key}{draw(st.sampled_from(['.x', '@x', '@_global_', '.', '[0]', '/x', ' ']))}"
        case 2:
            return key.rpartition(".")[2]
        case 3:
            return draw(st.text(max_size=8))
    return key


ANY_VALUE = st.one_of(
    *[st.sampled_from(VALUES)] * 3, EXPRESSIONS, st.integers().map(str), st.text(max_size=8)
)


@st.composite
def overrides(draw: st.DrawFn, known: list[str]) -> str:
    sign = draw(st.sampled_from([*[""] * 12, "+", "++", "~", "--", "-"]))
    key, value = draw(keys(known)), draw(ANY_VALUE)
    equals = draw(st.sampled_from([*["="] * 12, "", "==", " = "]))
    assume(not _leads_elsewhere(key, value))
    return f"{sign}{key}{equals}{value}"


NUMBERS = [
    *("data.vocab_size", "data.max_length", "model.embedding_dim", "model.units", "seed"),
    *("model.dropout", "training.batch_size", "training.epochs", "training.learning_rate"),
    *("training.validation_split", "training.patience"),
]
SWEEP_NUMBERS = [
    *("n_trials", "n_jobs", "max_failure_rate", "max_attempts", "timeout", "trial_timeout"),
    *("confirm.top_k", "confirm.seeds", "sampler.seed", "sampler.n_startup_trials"),
    *("sampler.history", "pruner.n_startup_trials"),
    *("resources.cpus", "resources.gpus", "resources.memory"),
]


def numbers(known: list[str]) -> st.SearchStrategy[str]:
    """Draw overrides of numeric keys with numbers, within their ranges and beyond."""
    some = st.integers(-2, 400) | st.integers() | st.floats() | st.floats(0, 1)
    return st.builds("{}={}".format, st.sampled_from(known), some)


SYNTHETIC = st.builds(
    "data.{}={}".format,
    st.sampled_from(["train_reviews", "test_reviews", "label_noise", "vocab_size", "max_length"]),
    st.integers(0, 50) | st.integers() | st.floats() | st.floats(0, 1),
)


def command_lines(known: list[str], figures: list[str]) -> st.SearchStrategy[list[str]]:
    """Draw lists of overrides, many with one only, since Hydra complains about the first alone."""
    one = st.tuples(overrides(known)).map(list)
    sizes = st.lists(numbers(figures), min_size=1, max_size=3)
    made = st.lists(SYNTHETIC, max_size=3).map(lambda given: ["data=synthetic", *given])
    return st.one_of(one, one, st.lists(overrides(known), max_size=3), sizes, made)


def _leads_elsewhere(key: str, value: str) -> bool:
    return any(word in key for word in ELSEWHERE) and any(c in value for c in "/~.$")


@examples(20)
@given(words=command_lines(KEYS, NUMBERS), flag=st.sampled_from([[], [], ["-m"]]))
def test_a_training_is_run_or_refused(place: Path, words: list[str], flag: list[str]) -> None:
    work = emptied(place)
    run_or_refused(run(["train", *flag, *words]), list(work.iterdir()))


def _of_sweeper(keys: list[str]) -> list[str]:
    return [f"hydra.sweeper.{key}" for key in keys]


SWEEP = """\
defaults: [train, sweep, override hydra/sweeper: besom, _self_]
hydra: {sweeper: {params: {model.units: "range(8,65,step=8)"}}}
"""


@examples(20)
@given(words=command_lines([*KEYS, *_of_sweeper(SWEEPER_KEYS)], _of_sweeper(SWEEP_NUMBERS)))
def test_a_sweep_is_planned_or_refused(place: Path, words: list[str]) -> None:
    work = emptied(place)
    (work / "sweeps").mkdir()
    (work / "sweeps" / "mine.yaml").write_text(SWEEP)
    ended = run(["sweep", "mine", *words])
    run_or_refused(ended, [path for path in work.iterdir() if path.name != "sweeps"])
