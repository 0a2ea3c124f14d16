"""Imports without the garbage collector."""

import gc

from besom.common.interpreter import importing


def test_what_an_application_has_frozen_stays_frozen() -> None:
    gc.freeze()
    try:
        n_frozen = gc.get_freeze_count()
        with importing("no.such.module"):
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() == n_frozen > 0
    finally:
        gc.unfreeze()


def test_a_module_that_is_there_is_not_waited_for() -> None:
    with importing("gc"):
        assert gc.isenabled()
