"""Provides made-up studies of any size, as readers, and a parser of report pages."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from besom.results.report.data import ReportData, read_report_data
from besom.results.report.page import report_html
from besom.results.workload import WORKLOAD
from besom.tracking import schema
from besom.tracking.reader import Point, ReadRun

BEGAN = 1_700_000_000.0
SET_UP, EPOCH, SAVING = 3.0, 1.0, 0.5
STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "running": "RUNNING", "dead": "KILLED"}


def begun_by_besom_sweep() -> dict[tuple[str, str], str]:
    command = {"task": WORKLOAD, "config_name": "small", "overrides": []}
    return {("parent", schema.COMMAND_FILE): json.dumps(command)}


@dataclass
class Book:
    """A reader of one made-up study, in which each worker trains one run at a time."""

    name: str = "small"
    objective: str = "val_accuracy"
    direction: str = "maximize"
    space: Mapping[str, str] = field(default_factory=dict)
    found: list[ReadRun] = field(default_factory=list)
    history: list[Point] = field(default_factory=list)
    texts: dict[tuple[str, str], str] = field(default_factory=begun_by_besom_sweep)
    tags: dict[str, str] = field(default_factory=dict)
    clocks: dict[int | None, float] = field(default_factory=dict)
    root: Path = Path("mlruns")
    flags: str = ""
    folder: Path | None = None
    pages: str | None = None

    def trial(
        self,
        number: int,
        params: Mapping[str, Any],
        curves: Mapping[str, Sequence[float]],
        state: str = "complete",
        worker: int | None = 0,
        attempt: int = 1,
        **tags: str,
    ) -> str:
        """Add an attempt; return its run's id. Trial 0 is the baseline."""
        own = {schema.TRIAL: str(number), schema.ATTEMPT: str(attempt), schema.STATE: state}
        own |= {schema.ROLE: "trial" if number else "baseline"}
        return self.run(f"{self.name}/{number:03d}", params, curves, own | tags, worker)

    def confirmation(self, trial: int, seed: int, accuracy: float, worker: int = 0) -> str:
        tags = {schema.CONFIRMS: str(trial), schema.SEED: str(seed), schema.STATE: "complete"}
        tags |= {schema.ROLE: "confirmation", schema.ATTEMPT: "1"}
        return self.run(f"{self.name}/c", {}, {"test_accuracy": [accuracy]}, tags, worker)

    def run(
        self,
        name: str,
        params: Mapping[str, Any],
        curves: Mapping[str, Sequence[float]],
        tags: Mapping[str, str],
        worker: int | None,
    ) -> str:
        """Add a run that sets up, trains an epoch for each step, saves, and ends."""
        run_id = f"{len(self.found) + 1:032x}"
        started = self.clocks.get(worker, BEGAN + 2)
        steps = max(map(len, curves.values()), default=0)
        reports = [started + SET_UP + EPOCH * step for step in range(1, steps + 1)]
        for metric, values in curves.items():
            self.history += [
                Point(run_id, metric, step, value, at)
                for step, (value, at) in enumerate(zip(values, reports, strict=False), start=1)
            ]
        ended = started + SET_UP + EPOCH * steps + SAVING
        self.clocks[worker] = ended + 0.1
        own = {schema.STUDY: self.name, schema.PARENT: "parent"} | dict(tags)
        if worker is not None:
            own[schema.WORKER] = str(worker)
        last = {metric: values[-1] for metric, values in curves.items() if values}
        status = STATUS.get(tags[schema.STATE], "FAILED")
        written = {key: str(value) for key, value in params.items()}
        end = None if status == "RUNNING" else ended
        self.found.append(ReadRun(run_id, name, status, started, end, written, last, own))
        return run_id

    def conclude(
        self, sentence: str, values: Mapping[int, Sequence[float]], challenger: int
    ) -> None:
        """Add the verdict of a confirmation, with fixed intervals."""
        seeds = list(range(1000, 1000 + len(values[0])))
        document = {
            "metric": "test_accuracy",
            "direction": "maximize",
            "baseline": 0,
            "challenger": challenger,
            "winner": challenger,
            "beats": True,
            "seeds": seeds,
            "values": {str(number): list(found) for number, found in values.items()},
            "value": {"mean": 0.83, "low": 0.82, "high": 0.84},
            "baseline_value": {"mean": 0.8, "low": 0.79, "high": 0.81},
            "difference": {"mean": 0.03, "low": 0.0123, "high": 0.0456},
            "sentence": sentence,
        }
        self.texts["parent", schema.VERDICT_FILE] = json.dumps(document)
        self.tags |= {schema.VERDICT: sentence, schema.WINNER: str(challenger)}
        self.tags |= {schema.BEATS: "true"}

    # -- the methods of a reader ------------------------------------------------------------------

    def studies(self) -> list[str]:
        return [self.name]

    def study(self, name: str) -> list[ReadRun]:
        return [self._parent(), *self.found] if name == self.name else []

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
        return [run for run in self.found if run.run_id in run_ids]

    def run_ids(self) -> list[str]:
        return [run.run_id for run in self.found]

    def points(self, run_ids: Sequence[str]) -> list[Point]:
        wanted = set(run_ids)
        return [point for point in self.history if point.run_id in wanted]

    def text(self, run_id: str, path: str) -> str | None:
        return self.texts.get((run_id, path))

    def _parent(self) -> ReadRun:
        params = {f"{schema.SPACE}{key}": text for key, text in self.space.items()}
        params |= {"objective": self.objective, "direction": self.direction}
        tags = {schema.STUDY: self.name, schema.ROLE: "sweep"} | self.tags
        ended = max([BEGAN, *(run.ended or BEGAN for run in self.found)])
        return ReadRun("parent", self.name, "FINISHED", BEGAN, ended, params, {}, tags)

    def report(self) -> ReportData:
        return read_report_data(self, self.name)

    def page(self) -> "Page":
        return Page(report_html(self.report()))


class Page(HTMLParser):
    """Parses a page: its elements, text, rows of tables, and the data of its figures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self._inside.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag, f"{tag} is closed where it was not open"

    def handle_data(self, data: str) -> None:
        if "script" in self._inside or "style" in self._inside:
            return
        self.text += data
        if "td" in self._inside or "th" in self._inside:
            self.rows[-1][-1] += data

    def row(self, name: str) -> list[str]:
        """Return the first row of any table that begins with ``name``."""
        return next(row for row in self.rows if row and row[0] == name)

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.elements if tag == "section"]

    def data(self, name: str) -> Any:
        """Return the JSON that the page holds for its script under this id."""
        (found,) = re.findall(
            rf'<script type="application/json" id="{name}">(.*?)</script>', self.html, re.DOTALL
        )
        return json.loads(found, parse_constant=_refuse)

    def trace(self, figure: str, name: str) -> Any:
        """Return one trace of a figure."""
        found = [one for one in self.data(f"{figure}-data")["data"] if one["name"] == name]
        assert len(found) == 1, [one["name"] for one in self.data(f"{figure}-data")["data"]]
        return found[0]


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def small() -> Book:
    """Make a baseline, a better trial, one pruned, one failed, one of two attempts."""
    book = Book(space={"units": "range(8,65,step=8)", "optimizer": "choice(adam,sgd)"})
    base = {"units": 32, "optimizer": "adam", "seed": 0}
    book.trial(0, base, {"val_accuracy": [0.7, 0.8], "loss": [0.6, 0.5]})
    book.trial(
        1, base | {"units": 64}, {"val_accuracy": [0.75, 0.85], "loss": [0.5, 0.3]}, worker=1
    )
    book.trial(2, base | {"units": 8}, {"val_accuracy": [0.5], "loss": [0.9]}, "pruned")
    book.trial(
        3, base | {"units": 16}, {}, "dead", worker=1, **{schema.ERROR: "its worker was killed"}
    )
    book.trial(3, base | {"units": 16}, {"val_accuracy": [0.6, 0.7]}, worker=1, attempt=2)
    failed = book.trial(
        4, base | {"optimizer": "sgd"}, {}, "failed", **{schema.ERROR: "ValueError: too much"}
    )
    book.texts[failed, schema.TRACEBACK_FILE] = "Traceback\n  in train\nValueError: too much"
    return book


@pytest.fixture
def book() -> Book:
    return small()


def many(n_trials: int, epochs: int = 10) -> Book:
    """Make a study of six parameters on two workers; a third of the trials is pruned."""
    space = {
        "model.units": "range(8,65,step=8)",
        "data.max_length": "choice(50,100,200)",
        "data.vocab_size": "choice(5000,10000,20000)",
        "training.batch_size": "choice(64,128,256)",
        "training.learning_rate": "tag(log,interval(1e-4,1e-1))",
        "model.name": "choice(gru,simple_rnn)",
    }
    book = Book("many", space=space)
    for number in range(n_trials):
        chance = (number * 7919) % 1000 / 1000
        params = {
            "model.units": 8 + 8 * (number % 8),
            "data.max_length": (50, 100, 200)[number % 3],
            "data.vocab_size": (5000, 10000, 20000)[number % 5 % 3],
            "training.batch_size": (64, 128, 256)[number % 7 % 3],
            "training.learning_rate": 10 ** (-4 + 3 * chance),
            "model.name": ("gru", "simple_rnn")[number % 2],
        }
        top = 0.75 + 0.1 * chance * (number % 8) / 7
        pruned = number % 3 == 2
        steps = range(1, (2 if pruned else epochs) + 1)
        curves = {
            "val_accuracy": [top - 0.3 / step for step in steps],
            "val_loss": [0.4 + 0.5 / step for step in steps],
            "accuracy": [top + 0.1 - 0.3 / step for step in steps],
            "loss": [0.3 + 0.5 / step for step in steps],
        }
        book.trial(number, params, curves, "pruned" if pruned else "complete", number % 2)
    return book
