"""Samplers and pruners like those that users write."""

from typing import Any

import optuna


class Middle(optuna.samplers.RandomSampler):
    """Draws from the middle of each range, and ends the study after ``enough`` trials.

    It reads the study's trials in several ways, which must agree.
    """

    def __init__(self, width: float, seed: int | None = None, enough: int = 100) -> None:
        super().__init__(seed=seed)
        self._width, self._enough, self.seed = width, enough, seed

    def sample_independent(
        self, study: optuna.Study, trial: Any, param_name: str, param_distribution: Any
    ) -> Any:
        shown = study.get_trials(deepcopy=False)
        assert len(study.trials) == len(shown)
        assert len(study._storage.get_all_trials(study._study_id)) == len(shown)
        drawn = super().sample_independent(study, trial, param_name, param_distribution)
        middle = (param_distribution.low + param_distribution.high) / 2
        return middle + self._width * (drawn - middle)

    def after_trial(self, study: optuna.Study, trial: Any, state: Any, values: Any) -> None:
        if trial.number + 1 >= self._enough:
            study.stop()


class Stopping(optuna.samplers.RandomSampler):
    """Ends the study when ``method`` is called."""

    def __init__(self, method: str) -> None:
        super().__init__()
        own = getattr(self, method)
        setattr(self, method, lambda study, *rest: study.stop() or own(study, *rest))


class Steps(optuna.pruners.BasePruner):
    """Prunes each trial after ``most`` steps."""

    def __init__(self, *, most: int) -> None:
        self._most = most

    def prune(self, study: optuna.Study, trial: Any) -> bool:
        return len(trial.intermediate_values) >= self._most


class Failing(optuna.samplers.RandomSampler):
    """Fails in ``method``, from the trial ``after`` on."""

    def __init__(self, method: str, after: int = 3) -> None:
        super().__init__()
        self._after = after
        own = getattr(self, method)
        setattr(
            self, method, lambda study, trial, *rest: self._fail(trial) or own(study, trial, *rest)
        )

    def _fail(self, trial: Any) -> None:
        if trial.number >= self._after:
            raise KeyError("no arms")


class FailingPruner(optuna.pruners.BasePruner):
    def prune(self, study: optuna.Study, trial: Any) -> bool:
        raise SystemExit("no arms")


def failing_gamma(n_trials: int) -> int:
    raise KeyError("no arms")


def half(n_trials: int) -> int:
    """Return how many trials TPE counts as good."""
    return max(1, n_trials // 2)


def leaves(**anything: Any) -> Any:
    raise SystemExit(f"not {anything}")


def refuses(**anything: Any) -> Any:
    raise ValueError(f"not {anything}")
