from besom.common.terminal.table import Column, left_out, table

TRIAL = Column("trial", ["0", "11"])
LOSS = Column("val_loss", ["0.0004073", "-"])
STATE = Column("state", ["baseline", "failed"], is_text=True)


def test_numbers_are_set_at_the_right_and_words_at_the_left() -> None:
    lines, n_left_out = table([TRIAL, LOSS, STATE], width=None)
    assert n_left_out == 0
    assert lines == [
        "trial   val_loss  state",
        "──────────────────────────",
        "    0  0.0004073  baseline",
        "   11          -  failed",
    ]


def test_names_are_broken_between_words_where_they_are_too_wide() -> None:
    rate = Column("training.learning_rate_of_it", ["0.01", "0.02"])
    lines, n_left_out = table([TRIAL, rate], width=20)
    assert n_left_out == 0 and max(map(len, lines)) <= 20
    assert [line.strip() for line in lines[:5]] == [
        "training.",
        "learning_",
        "rate_",
        "of_",
        "trial         it",
    ]


def test_the_highest_rank_goes_first_and_what_always_stays_is_never_cut() -> None:
    params = [Column(f"p{number}", ["1" * 10] * 2, rank=1) for number in range(3)]
    metrics = [Column(f"m{number}", ["0.123456"] * 2, rank=3) for number in range(3)]
    columns = [TRIAL, *params, LOSS, *metrics, STATE]
    heads = [
        (table(columns, width)[0][0].split(), table(columns, width)[1]) for width in (82, 72, 50, 9)
    ]
    assert heads == [
        (["trial", "p0", "p1", "p2", "val_loss", "m0", "m1", "state"], 1),
        (["trial", "p0", "p1", "p2", "val_loss", "m0", "state"], 2),
        (["trial", "p0", "p1", "val_loss", "state"], 4),
        (["val_"], 6),
    ]
    narrow = table(columns, 9)[0]
    assert narrow[-2].split() == ["0", "0.0004073", "baseline"]


def test_wide_letters_take_two_places_and_control_characters_none() -> None:
    lines, _ = table([Column("名", ["ok", "\x1b[2J"]), LOSS], width=None)
    assert lines[0] == f"{' ' * 5}名   val_loss"
    assert lines[3].startswith("\\x1b[2J  ")


def test_what_is_left_out_is_said() -> None:
    assert left_out(1, "--csv") == "1 column left out for the width; --csv has all"
    assert left_out(2, "--csv").startswith("2 columns left")
