"""Names every tag, artifact and state of a record, and says what writes it and what it means.

Existing records hold these names, so none may change. Tags are text; for tags that hold something
else, the functions that write and read them are here. So are MLflow's limits for names and values
(``mlflow/utils/validation.py``).
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from besom.common.states import State

# -- tags of every run, written at its start (sweep/jobs.py, tracking/decorator.py) ----------------

STUDY = "besom.study"
"""The study's name."""
ROLE = "besom.role"
"""What the run is for, a :class:`Role`."""
STATE = "besom.state"
"""The state of the attempt, a :class:`besom.common.states.State`; written again at its end. In a
sweep's own run it is the :class:`RunStatus` in lower case."""
ERROR = "besom.error"
"""Why the run failed or was stopped, in one line; written at its end."""
FOLDER = "besom.folder"
"""Where the job works and logs."""
GROUPS = "besom.groups"
"""The chosen option of each config group, ``{"model": "lstm"}`` (JSON)."""
PARENT = "mlflow.parentRunId"
"""The id of the sweep's own run."""

# -- tags of a trial's run, and of a confirmation's (sweep/jobs.py, confirmation/jobs.py) ----------

TRIAL = "besom.trial"
"""The trial's number in the study."""
ATTEMPT = "besom.attempt"
"""The number of the attempt at the trial, from 1 on."""
WORKER = "besom.worker"
"""The number of the worker that runs the trial; a run that repeats another has none."""
CONFIRMS = "besom.confirms"
"""The number of the trial that is confirmed."""
SEED = "besom.seed"
"""The seed of the confirmation."""
SETTING = "besom.setting"
"""The other settings of the confirmation; also in the sweep's own run, beside the verdict."""

# -- tags of a sweep's own run (sweep/parent_run.py, sweep/confirmation/run.py) --------------------

SWEEP = "besom.sweep"
"""A key by which a resumed sweep finds its own run."""
COUNTED_CODE = "besom.counted_code"
"""The digest of the source whose trials count, in the form of ``CODE``."""
ENDED_BY = "besom.ended_by"
"""What ended the sweep, in one line; empty while a sweep continues after an earlier end."""
OBJECTIVE = "besom.objective"
"""The name of the objective, where the task has named it."""
CONSTRAINTS = "besom.constraints"
"""The bounds that a trial's metrics must keep to be the best, ``{"model_bytes": "<= 4e6"}`` (JSON);
no tag where a sweep has no constraints."""
SPACE = "space."
"""The prefix of the sweep's own parameters that hold the search space; see :func:`searched`."""
PARAMETER_NAMES = "besom.names"
"""Parameters that MLflow keeps under another name: see :func:`parameter_names`."""
VERDICT = "besom.verdict"
"""What the confirmation found, in one sentence."""
VERDICT_TRIALS = "besom.verdict_trials"
"""The number of trials that had ended at the verdict."""
WINNER = "besom.winner"
"""The number of the winning trial, the baseline's where no trial beat it."""
BEATS = "besom.beats"
"""Whether the winner beat the baseline: a :func:`flag`."""
NOTE = "mlflow.note.content"
"""The text on top of the run's page, in Markdown."""

# -- tags on the environment of a run (tracking/environment.py) ------------------------------------

CODE = "besom.code"
"""The digest of the application's own source, see :mod:`besom.app.source`."""
COMMIT = "besom.git.commit"
"""The commit, or ``unknown: WHY``."""
HAS_CHANGES = "besom.git.dirty"
"""Whether there are uncommitted changes: a :func:`flag`."""
VERSION = "besom.version"
HOST = "besom.host"
"""The machine that wrote the run: in a sweep the supervisor's."""
NODE = "besom.node"
"""The machine on which the task ran."""
DEVICES = "besom.devices"
"""The GPUs visible to the task, with their models; see :func:`placed`."""
PLATFORM = "besom.platform"
PROCESSOR = "besom.processor"
PYTHON = "besom.python"
COMMAND = "besom.command"
MLFLOW_USER = "mlflow.user"
MLFLOW_SOURCE = "mlflow.source.name"
MLFLOW_SOURCE_TYPE = "mlflow.source.type"
MLFLOW_COMMIT = "mlflow.source.git.commit"

# -- tags that the delivery to MLflow writes (tracking/outbox) -------------------------------------

KEY = "besom.key"
"""The key under which the run was requested. It is looked up, so that no run is made twice."""
DUPLICATE_OF = "besom.duplicate_of"
"""The id of the run that this one repeats; only that one has the files, the model and the steps."""
MODEL_DELETED = "besom.model_deleted"
"""Why the run's model is no longer in the store: the option or command that deleted it. There is no
tag where the model has been put back (tracking/models/deleted.py)."""
MISSING = "besom.missing"
"""What is missing from the run because MLflow refused it or it was gone; one line each."""
TABLES = "mlflow.loggedArtifacts"
"""The tables among the artifacts, in the form that MLflow's pages read (JSON)."""

# -- tags of other things in MLflow ----------------------------------------------------------------

EXPERIMENT_KIND = "mlflow.experimentKind"
"""A tag of an experiment (tracking/store.py)."""
VIEW_PREFIX = "mlflow.sharedViewState."
"""Tags of an experiment: the view of the study whose name follows (tracking/pages)."""
RUN = "besom.run"
"""A tag of a registered version: the run that holds its model (tracking/models/registry.py)."""
MODEL_VERSIONS = "mlflow.modelVersions"
"""A tag of a logged model: its registered versions (JSON, tracking/models/registry.py)."""

# -- artifacts -------------------------------------------------------------------------------------

CONFIG_FILE = "config.yaml"
"""The whole configuration, resolved; in a sweep's own run the baseline's."""
OVERRIDES_FILE = "overrides.yaml"
"""The overrides of the command line, as a list."""
PACKAGES_FILE = "packages.txt"
"""The installed packages, as ``pip freeze`` would pin them."""
DIFF_FILE = "git.diff"
"""The uncommitted changes."""
TRACEBACK_FILE = "traceback.txt"
"""The traceback of a task that failed."""
SWEEPER_FILE = "sweep.yaml"
"""The sweeper's options, in a sweep's own run (sweep/parent_run.py)."""
COMMAND_FILE = "command.json"
"""The command of the sweep, in its own run (sweep/parent_run.py)."""
VERDICT_FILE = "verdict.json"
"""The figures of the verdict, in the sweep's own run (sweep/confirmation/run.py)."""
REPORT_FILE = "report.html"
"""The page of ``besom report``, in the sweep's own run (cli/main.py)."""
MODEL = "model"
"""The logged model of a run: ``runs:/ID/model``."""
SERVED_MODEL = "served"
"""A run's second logged model, which can be served without Besom."""


class Role(StrEnum):
    """What a run is for."""

    SWEEP = "sweep"
    BASELINE = "baseline"
    TRIAL = "trial"
    CONFIRMATION = "confirmation"
    TRAIN = "train"


class RunStatus(StrEnum):
    """MLflow's own states of a run."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


RUN_STATUS = {
    State.COMPLETE: RunStatus.FINISHED,
    State.PRUNED: RunStatus.FINISHED,
    State.FAILED: RunStatus.FAILED,
}
"""MLflow's status for each state in which a job can end."""


def placed(node: str, devices: Iterable[str]) -> dict[str, str]:
    """Return the tags that say where a task ran; without devices where none were visible."""
    tags = {NODE: node, DEVICES: ", ".join(devices)}
    return {name: text for name, text in tags.items() if text}


def flag(value: bool) -> str:
    """Return a tag's text for yes or no."""
    return str(value).lower()


def parameter_names(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names of parameters by the differing names under which MLflow keeps them."""
    names: dict[str, str] = json.loads(tags.get(PARAMETER_NAMES, "{}"))
    return names


def parameter_names_tag(names: Iterable[str]) -> dict[str, str]:
    """Return the tag that :func:`parameter_names` reads; none where MLflow accepts all names."""
    changed = {valid_name(name): name for name in names if valid_name(name) != name}
    return {PARAMETER_NAMES: json.dumps(changed)} if changed else {}


def searched(params: Mapping[str, str]) -> dict[str, str]:
    """Return the search space among the parameters of a sweep's own run, by MLflow's names."""
    return {k.removeprefix(SPACE): text for k, text in params.items() if k.startswith(SPACE)}


def space_params(expressions: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that :func:`searched` reads."""
    return {f"{SPACE}{valid_name(key)}": text for key, text in expressions.items()}


# -- what MLflow accepts ---------------------------------------------------------------------------

NAME_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
# The size of the database column (``mlflow/store/tracking/dbmodels/models.py``).
RUN_NAME_LENGTH = 250
_DIGITS = 6


def valid_name(name: str) -> str:
    """Return the name itself where MLflow accepts it, else a similar one with a digest of the name.

    The digest keeps the results for different names apart.
    """
    valid = re.sub(r"[^/\w.\- :]", "_", name)
    if posixpath.normpath(valid) != valid or valid.startswith(("/", "..")) or valid == ".":
        valid = re.sub(r"^\.+|/", "_", valid)
    if valid == name and 0 < len(name) <= NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode(errors="backslashreplace")).hexdigest()[:_DIGITS]
    return f"{valid[: NAME_LENGTH - _DIGITS - 1]}-{digest}"
