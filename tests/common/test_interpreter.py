"""Imports with the garbage collector switched off."""

import gc

from besom.common.interpreter import importing


def test_what_an_application_has_frozen_stays_frozen() -> None:
    """Some frozen objects may be freed meanwhile, as by other threads; no object is frozen anew."""
    gc.freeze()
    try:
        n_frozen = gc.get_freeze_count()
        made: list[object] = []
        with importing("no.such.module"):
            assert not gc.isenabled()
            made += [[number] for number in range(10_000)]
        assert gc.isenabled()
        assert n_frozen - 1000 < gc.get_freeze_count() <= n_frozen
    finally:
        gc.unfreeze()


def test_a_module_that_is_there_is_not_waited_for() -> None:
    with importing("gc"):
        assert gc.isenabled()
