"""Commands to type next."""

from besom.common.terminal.commands import command_lines, record_flags


def test_what_a_command_is_for_stands_below_each_other() -> None:
    assert command_lines({"besom ui": "all runs", "besom compare best": "side by side"}) == [
        "besom ui            # all runs",
        "besom compare best  # side by side",
    ]


def test_the_flags_that_find_a_record_are_ready_to_be_typed_and_hold_no_password() -> None:
    assert record_flags("mlruns", None) == ""
    assert record_flags("my runs", "http://me:secret@host") == (
        " --root 'my runs' --tracking-uri 'http://me:***@host'"
    )
