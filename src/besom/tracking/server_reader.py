"""Reads the record of an MLflow server, through its interface."""

from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from besom.tracking import schema
from besom.tracking.client import asking
from besom.tracking.reader import Point, ReadRun, last_of_steps, names_of_studies, text_of


class ServerReader:
    """Asks an MLflow server, page by page."""

    folder = None

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client = MlflowClient(uri)

    def studies(self) -> list[str]:
        return names_of_studies(self._search(f"tags.`{schema.ROLE}` = '{schema.Role.SWEEP}'"))

    def study(self, name: str) -> list[ReadRun]:
        # MLflow's filter language cannot quote a quote: such names are compared afterwards only.
        query = "" if "'" in name else f"tags.`{schema.STUDY}` = '{name}'"
        return [run for run in self._search(query) if run.tags.get(schema.STUDY) == name]

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
        with asking(self._uri):
            found = [run for run in map(self._run, run_ids) if run is not None]
        return sorted(found, key=lambda run: run.started)

    def run_ids(self) -> list[str]:
        return [run.run_id for run in self._search()]

    def names(self, study: str) -> set[str]:
        return {name for run in self.study(study) for name in run.names}

    def points(self, run_ids: Sequence[str]) -> list[Point]:
        with asking(self._uri):
            return last_of_steps(
                Point(run.run_id, metric, entry.step, entry.value, entry.timestamp / 1000)
                for run in self.runs(run_ids)
                for metric in run.metrics
                for entry in self._client.get_metric_history(run.run_id, metric)
            )

    def text(self, run_id: str, path: str) -> str | None:
        return text_of(self._client, self._uri, run_id, path)

    def _run(self, run_id: str) -> ReadRun | None:
        """A run, None where there is none or it has been deleted."""
        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None
        return _read(run) if run.info.lifecycle_stage == "active" else None

    def _search(self, query: str = "") -> list[ReadRun]:
        found: list[ReadRun] = []
        with asking(self._uri):
            experiments = [one.experiment_id for one in self._client.search_experiments()]
            token = None
            while True:
                page = self._client.search_runs(
                    experiments, query, order_by=["attributes.start_time"], page_token=token
                )
                found += map(_read, page)
                token = page.token
                if not token:
                    return found


def _read(run: Any) -> ReadRun:
    info, data = run.info, run.data
    end = info.end_time / 1000 if info.end_time else None
    return ReadRun(
        info.run_id,
        info.run_name or "",
        info.status,
        info.start_time / 1000,
        end,
        data.params,
        data.metrics,
        data.tags,
    )
