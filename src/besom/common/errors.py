"""Errors that are no bugs of Besom's.

BesomError
 ├─ SweepFailed          too many trials failed, or workers do not start; exit code 1
 └─ UserError            one or two plain lines; the commands end with exit code 2
     ├─ CodeError        code that the configuration names has raised; its traceback stands above
     ├─ ConfigError      a configuration value: wrong key, type or range
     ├─ SpaceError       a search space that cannot be searched
     ├─ DataError        a data file that is missing or not what it should be
     ├─ StudyError       a study that cannot be resumed as asked
     ├─ StoreError       a storage or tracking address that cannot be used
     └─ ClusterError     a cluster that does not answer, or cannot run a worker
Stop                     raised inside a trial by ``besom.report``
 ├─ Pruned               this trial is not worth continuing
 └─ Interrupted          the whole sweep is stopping; this trial may be resumed later

Every message names the value, the limit and the remedy.
"""

from besom.common.addresses import mask
from besom.common.text import plain


class BesomError(Exception):
    """Base of all errors that Besom raises on purpose.

    Its text is fit for a terminal, and shows no address's password.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain(mask(message)))


class SweepFailed(BesomError):
    """A sweep cannot go on: too many failed trials, or workers that do not start.

    ``traceback`` is that of the task's own code, where that has failed.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class UserError(BesomError):
    """A mistake that the user can mend: shown without a traceback, exit code 2.

    Args:
        message: names the value, the limit and the remedy, in one to three lines.

    Examples:
        >>> def check(config):
        ...     if config["units"] % 2:
        ...         raise besom.UserError(f"units={config['units']}: must be even")
        >>> check({"units": 3})
        Traceback (most recent call last):
        besom.common.errors.UserError: units=3: must be even
    """

    exit_code = 2


class CodeError(UserError):
    """Code of the user's own, that the configuration names, has raised while a sweep ran.

    ``traceback`` is that of this code, shown before the lines.
    """

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


class ConfigError(UserError):
    """A configuration value has the wrong key, type or range."""


class SpaceError(UserError):
    """A search space cannot be read, is empty, or does not hold the baseline."""


class DataError(UserError):
    """A data file is missing, damaged, or holds something else than texts."""


class StudyError(UserError):
    """A stored study does not fit what is asked of it."""


class StoreError(UserError):
    """A database, tracking server or folder cannot be reached or written."""


class ClusterError(UserError):
    """A cluster cannot be reached, is lost, or cannot run a worker."""


USERS_ERRORS = (Exception, SystemExit)
"""What code of a user's own may raise, ``sys.exit`` included; Ctrl-C is not its own."""


def one_line(error: BaseException) -> str:
    """``ValueError: x is above 1``, without its type where it is Besom's, and only that where it
    has no text, or raises instead. Shows no address's password."""
    name = type(error).__name__
    try:
        text = plain(mask(str(error))).strip()
    except BaseException:  # of the user's own code, as the error may be
        return name
    first = text.partition("\n")[0]
    if isinstance(error, BesomError) and first:
        return first
    return f"{name}: {first}" if first else name


class Stop(Exception):
    """Ends a trial early. A task may catch it to tidy up, and should raise it again."""


class Pruned(Stop):
    """The pruner has decided that this trial is not worth continuing.

    Examples:
        >>> try:
        ...     besom.report(1, val_loss=0.5)
        ... except besom.Pruned:
        ...     print("tidied up")
        ...     raise
    """


class Interrupted(Stop):
    """The sweep is stopping; the trial is recorded as interrupted and can be resumed.

    Examples:
        >>> try:
        ...     besom.report(1, val_loss=0.5)
        ... except besom.Interrupted:
        ...     print("kept for the next attempt")
        ...     raise
    """
