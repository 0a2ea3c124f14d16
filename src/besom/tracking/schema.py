"""The names in a record: each tag, artifact and state, what writes it, and what it means.

The names are kept by records that exist, so none of them may change. Tags are text; where a tag
holds something else, its writer and reader are here, and what MLflow takes of names and values
(``mlflow/utils/validation.py``).
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from besom.common.states import State

# -- tags of each run, written as it begins (sweep/jobs.py, tracking/decorator.py) -----------------

STUDY = "besom.study"
"""The study's name."""
ROLE = "besom.role"
"""What the run is for, a :class:`Role`."""
STATE = "besom.state"
"""How far the attempt is, a :class:`besom.common.states.State`; written again as it ends. A sweep's
own run has its :class:`RunStatus` there, in small letters."""
ERROR = "besom.error"
"""Why it has failed or was stopped, in one line; written as it ends."""
FOLDER = "besom.folder"
"""Where the job works and logs."""
GROUPS = "besom.groups"
"""The option of each config group, ``{"model": "lstm"}`` (JSON)."""
PARENT = "mlflow.parentRunId"
"""The sweep's own run."""

# -- tags of a trial's run, and of a confirmation's (sweep/jobs.py, confirmation/jobs.py) ----------

TRIAL = "besom.trial"
"""The trial's number in the study."""
ATTEMPT = "besom.attempt"
"""Which attempt at the trial it is, from 1 on."""
WORKER = "besom.worker"
"""The number of the worker that trains it; a run that repeats another has none."""
CONFIRMS = "besom.confirms"
"""The number of the trial that is confirmed."""
SEED = "besom.seed"
"""The seed of the confirmation."""
SETTING = "besom.setting"
"""What else the confirmation was made with; also in the sweep's own run, beside the verdict."""

# -- tags of a sweep's own run (sweep/parent_run.py, sweep/confirmation/run.py) --------------------

SWEEP = "besom.sweep"
"""A key by which a sweep that was killed finds its own run."""
COUNTED_CODE = "besom.counted_code"
"""The source whose trials count, in the form of ``CODE``."""
ENDED_BY = "besom.ended_by"
"""What ended the sweep, in a line; empty while it goes on after an earlier end."""
OBJECTIVE = "besom.objective"
"""The name of the objective, where the task has named it."""
CONSTRAINTS = "besom.constraints"
"""What the metrics of a trial must keep to for it to be the best, ``{"model_bytes": "<= 4e6"}``
(JSON); none where a sweep has none."""
PARAMETER_NAMES = "besom.names"
"""The names of parameters that MLflow has taken under another one: see :func:`parameter_names`."""
VERDICT = "besom.verdict"
"""What the confirmation found, in one sentence."""
VERDICT_TRIALS = "besom.verdict_trials"
"""How many trials had ended then."""
WINNER = "besom.winner"
"""The number of the trial that won, the baseline's where none beat it."""
BEATS = "besom.beats"
"""Whether it beat the baseline: a :func:`flag`."""
NOTE = "mlflow.note.content"
"""The text on top of the run's page, in Markdown."""

# -- tags that tell where and with what a run was made (tracking/environment.py) -------------------

CODE = "besom.code"
"""The digest of the application's own source, see :mod:`besom.app.source`."""
COMMIT = "besom.git.commit"
"""The commit, or ``unknown: WHY``."""
HAS_CHANGES = "besom.git.dirty"
"""Whether there are uncommitted changes: a :func:`flag`."""
VERSION = "besom.version"
HOST = "besom.host"
"""The machine that wrote the run; of a sweep, the supervisor's."""
NODE = "besom.node"
"""The machine on which the task ran."""
DEVICES = "besom.devices"
"""The GPUs that it saw, with their models; see :func:`placed`."""
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
"""By which name its creator has asked for a run: it is found by it, so that none is made twice."""
DUPLICATE_OF = "besom.duplicate_of"
"""The id of the run that this one repeats, which alone has the files, the model and the steps."""
MODEL_DELETED = "besom.model_deleted"
"""Why the run's model is in the store no more: the option or command that has deleted it; no tag
where it has been put back (tracking/models/deleted.py)."""
MISSING = "besom.missing"
"""What MLflow does not take or what is gone, a line each."""
TABLES = "mlflow.loggedArtifacts"
"""The tables among the artifacts, as MLflow's pages find them (JSON)."""

# -- tags of other things in MLflow ----------------------------------------------------------------

EXPERIMENT_KIND = "mlflow.experimentKind"
"""Of an experiment (tracking/store.py)."""
VIEW_PREFIX = "mlflow.sharedViewState."
"""Of an experiment: what MLflow's pages show of a study, whose name follows (tracking/pages)."""
RUN = "besom.run"
"""Of a registered version: the run that holds its model (tracking/models/registry.py)."""
MODEL_VERSIONS = "mlflow.modelVersions"
"""Of a logged model: its registered versions (JSON, tracking/models/registry.py)."""

# -- artifacts -------------------------------------------------------------------------------------

CONFIG_FILE = "config.yaml"
"""The whole configuration, resolved; of a sweep's own run, the baseline's."""
OVERRIDES_FILE = "overrides.yaml"
"""The words of the command line that led to it, as a list."""
PACKAGES_FILE = "packages.txt"
"""The installed packages, as ``pip freeze`` would pin them."""
DIFF_FILE = "git.diff"
"""The uncommitted changes."""
TRACEBACK_FILE = "traceback.txt"
"""Where a task failed."""
SWEEPER_FILE = "sweep.yaml"
"""The sweeper's options, in a sweep's own run (sweep/parent_run.py)."""
COMMAND_FILE = "command.json"
"""The command of the sweep, in its own run (sweep/parent_run.py)."""
VERDICT_FILE = "verdict.json"
"""The figures of the verdict, in the sweep's own run (sweep/confirmation/run.py)."""
REPORT_FILE = "report.html"
"""What ``besom report`` has made, in the sweep's own run (cli/main.py)."""
MODEL = "model"
"""The logged model of a run: ``runs:/ID/model``."""
SERVED_MODEL = "served"
"""A run's second logged model, which answers without Besom."""


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
"""How MLflow calls the ends of a job."""


def placed(node: str, devices: Iterable[str]) -> dict[str, str]:
    """The tags that say where a task ran; none of devices where it saw none."""
    tags = {NODE: node, DEVICES: ", ".join(devices)}
    return {name: text for name, text in tags.items() if text}


def flag(value: bool) -> str:
    """A tag's text for yes or no."""
    return str(value).lower()


def parameter_names(tags: Mapping[str, str]) -> Mapping[str, str]:
    """The names of parameters, by those under which MLflow has taken them instead."""
    names: dict[str, str] = json.loads(tags.get(PARAMETER_NAMES, "{}"))
    return names


def parameter_names_tag(names: Iterable[str]) -> dict[str, str]:
    """The tag that :func:`parameter_names` reads; none where MLflow takes all names as they are."""
    changed = {valid_name(name): name for name in names if valid_name(name) != name}
    return {PARAMETER_NAMES: json.dumps(changed)} if changed else {}


# -- what MLflow takes -----------------------------------------------------------------------------

NAME_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
# The column of the database (``mlflow/store/tracking/dbmodels/models.py``).
RUN_NAME_LENGTH = 250
_DIGITS = 6


def valid_name(name: str) -> str:
    """The name itself where MLflow takes it, else a similar one with a digest of the name.

    So each name has one of its own, whatever other names there are.
    """
    valid = re.sub(r"[^/\w.\- :]", "_", name)
    if posixpath.normpath(valid) != valid or valid.startswith(("/", "..")) or valid == ".":
        valid = re.sub(r"^\.+|/", "_", valid)
    if valid == name and 0 < len(name) <= NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode(errors="backslashreplace")).hexdigest()[:_DIGITS]
    return f"{valid[: NAME_LENGTH - _DIGITS - 1]}-{digest}"
