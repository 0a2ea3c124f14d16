"""The lines that suggest commands to run next."""

from besom.common.terminal.commands import besom_command, command_lines, record_flags


def test_what_a_command_is_for_stands_below_each_other() -> None:
    assert command_lines({"besom ui": "all runs", "besom compare best": "side by side"}) == [
        "besom ui            # all runs",
        "besom compare best  # side by side",
    ]


def test_a_long_command_has_its_purpose_before_it() -> None:
    long = f"besom compare {'a' * 32} {'b' * 32}"
    assert command_lines({"besom ui": "all runs", long: "side by side"}) == [
        "besom ui  # all runs",
        "# side by side:",
        long,
    ]


def test_words_of_a_command_are_quoted() -> None:
    typed = besom_command("confirm", "it's two", "--top-k", "3", flags=" --root runs")
    assert typed == "besom confirm 'it'\"'\"'s two' --top-k 3 --root runs"


def test_the_flags_that_find_a_record_are_ready_to_be_typed_and_hold_no_password() -> None:
    assert record_flags("mlruns", None) == ""
    assert record_flags("my runs", "http://me:secret@host") == (
        " --root 'my runs' --tracking-uri 'http://me:***@host'"
    )
