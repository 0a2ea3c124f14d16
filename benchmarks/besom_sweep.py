"""Runs ``besom sweep`` as a user does, as a command in a folder of its own."""

from pathlib import Path

import optuna

from benchmarks import commands
from benchmarks.commands import Ended
from benchmarks.trials import Trial


class SweepFolder:
    """A working folder with ``sweeps/``, its own record and its own cache, empty at first."""

    def __init__(self, folder: Path) -> None:
        self.sweeps = folder / "sweeps"
        self.sweeps.mkdir(parents=True)
        self._folder = folder

    def run(self, name: str, *words: str) -> Ended:
        """Run ``besom sweep NAME WORDS`` without confirmations, which no peer has."""
        environment = {"BESOM_CACHE": str(self._folder / "cache"), **commands.reviews()}
        return commands.run(
            [commands.BESOM, "sweep", name, "--no-confirm", *words], self._folder, environment
        )

    @property
    def root(self) -> Path:
        """The root folder of the sweeps' records."""
        return self._folder / "mlruns"

    def study(self, name: str) -> optuna.Study:
        """Return the sweep's study from Optuna's database."""
        return study_in(self.root, name)

    def jobs(self, name: str) -> Path:
        """Return the folder that holds a folder for each of the study's trials."""
        return self.root / "jobs" / name

    def trials(self, name: str) -> list[Trial]:
        """Return the completed trials of a study, in the order in which they ended.

        Trials that only repeat the value of another one are left out.
        """
        ended = []
        for trial in self.study(name).trials:
            if trial.state.name != "COMPLETE" or "besom.reused" in trial.user_attrs:
                continue
            assert trial.datetime_complete is not None
            accuracies = list(trial.intermediate_values.values())
            moment = trial.datetime_complete.timestamp()
            ended.append(Trial(accuracies[-1], max(accuracies), moment))
        return sorted(ended, key=lambda trial: trial.ended)


def study_in(root: Path, name: str) -> optuna.Study:
    """Return a study by its name from Besom's database below ``root``."""
    return optuna.load_study(study_name=name, storage=f"sqlite:///{root / 'optuna.db'}")
