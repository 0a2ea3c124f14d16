"""Suggestions for mistyped flags of commands."""

from besom.app.command import reading_parser, suggested_flag


def test_only_what_begins_as_a_flag_is_a_mistyped_one() -> None:
    parser = reading_parser("compare", "")
    words = ["--roots", "--tracking-url=x", "root", "tracking_uri=1", "--root", "--something"]
    found = [suggested_flag(word, parser) for word in words]
    assert found == ["--root", "--tracking-uri", None, None, None, None]
