"""``besom sweep`` as a user runs it: the real command, in a folder of its own."""

from pathlib import Path

import optuna

from benchmarks import commands
from benchmarks.commands import Ended
from benchmarks.trials import Trial


class SweepFolder:
    """A working folder with ``sweeps/``, its own records, and its own caches, empty at first."""

    def __init__(self, folder: Path) -> None:
        self.sweeps = folder / "sweeps"
        self.sweeps.mkdir(parents=True)
        self._folder = folder

    def run(self, name: str, *words: str) -> Ended:
        """Run ``besom sweep NAME WORDS``, the trials alone: no peer confirms its best."""
        environment = {"BESOM_CACHE": str(self._folder / "cache"), **commands.reviews()}
        return commands.run(
            [commands.BESOM, "sweep", name, "--no-confirm", *words], self._folder, environment
        )

    @property
    def root(self) -> Path:
        """The folder of all that the sweeps write."""
        return self._folder / "mlruns"

    def study(self, name: str) -> optuna.Study:
        """What the sweep has left in Optuna's database."""
        return study_in(self.root, name)

    def jobs(self, name: str) -> Path:
        """The folder with a folder for each of the study's trials."""
        return self.root / "jobs" / name

    def trials(self, name: str) -> list[Trial]:
        """The trials of a study that ran to their end, in the order in which they ended.

        Those that only repeat another's value are left out.
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
    """A study by its name, out of all that Besom keeps below ``root``."""
    return optuna.load_study(study_name=name, storage=f"sqlite:///{root / 'optuna.db'}")
