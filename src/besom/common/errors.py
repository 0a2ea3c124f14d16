"""Defines the errors that are not bugs of Besom.

BesomError
 ├─ SweepFailed          too many trials failed, or workers do not start; exit code 1
 └─ UserError            one or two plain lines; the commands end with exit code 2
     ├─ CodeError        code that the configuration names has raised; its traceback comes first
     ├─ ConfigError      a configuration value: wrong key, type or range
     ├─ SpaceError       a search space that cannot be searched
     ├─ DataError        a data file that is missing, damaged or of the wrong kind
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

    Its text is safe for a terminal, and the passwords of addresses are masked.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain(mask(message)))


class SweepFailed(BesomError):
    """A sweep cannot go on: too many failed trials, or workers that do not start.

    ``traceback`` is that of the task's own code, where the task has failed.
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
    """The user's own code, which the configuration names, has raised while a sweep ran.

    ``traceback`` is that of this code; it is shown before the message.
    """

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


class ConfigError(UserError):
    """A configuration value has the wrong key, type or range."""


class SpaceError(UserError):
    """A search space cannot be read, is empty, or does not hold the baseline."""


class DataError(UserError):
    """A data file is missing, damaged, or holds something other than texts."""


class StudyError(UserError):
    """A stored study does not fit the request."""


class StoreError(UserError):
    """A database, tracking server or folder cannot be reached or written."""


class ClusterError(UserError):
    """A cluster cannot be reached, is lost, or cannot run a worker."""


USERS_ERRORS = (Exception, SystemExit)
"""What a user's own code may raise, ``sys.exit`` included, but not Ctrl-C."""


def one_line(error: BaseException) -> str:
    """Return an error as one line, such as ``ValueError: x is above 1``.

    Besom's own errors are shown without the type. An error that has no text, or whose text cannot
    be read, is shown as its type alone. Passwords of addresses are masked.
    """
    name = type(error).__name__
    try:
        text = plain(mask(str(error))).strip()
    except BaseException:  # the error's class may be the user's own code
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
