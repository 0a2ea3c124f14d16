"""Prints a sweep's summary: a table, the best against the baseline, commands to type next."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from besom.common.addresses import scheme_of
from besom.common.flatten import short_names
from besom.common.terminal.commands import besom_command, command_lines, record_flags
from besom.common.terminal.sentences import print_sentences
from besom.common.terminal.table import Column, left_out, table, terminal_width
from besom.common.text import show, unnamed
from besom.search.options import SweepOptions
from besom.search.ranking import best_first
from besom.search.stopping.rules import OPTION
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.identity.fingerprint import FOOTNOTE, MARK
from besom.sweep.plan import Plan
from besom.tracking.address import SERVERS, pages_of

MAX_ROWS = 20


def print_summary(
    plan: Plan, study: Study, found: Sequence[str], console: Console, pages: str = ""
) -> None:
    """Print the table of trials, best first, and the sentences below it.

    Args:
        found: the lines of the confirmation's result.
        pages: the address of the study's trials, below that of MLflow's server.
    """
    rows = ranked(plan, study.rows())
    lines = _sentences(plan, study, rows)
    lines += _ending(plan, study, rows)
    lines += [*found, *_earlier(plan, study, rows, found), *_remarks(rows)]
    shown, n_left_out = table(_columns(plan, rows[:MAX_ROWS]), terminal_width())
    if len(rows) > MAX_ROWS:
        shown.append(f"… and {len(rows) - MAX_ROWS} more trials")
    if n_left_out:
        everything = _command(plan.options, "compare", study.name, "--csv")
        shown.append(left_out(n_left_out, everything))
    if not all(row.counts for row in rows[:MAX_ROWS]):
        lines.insert(0, FOOTNOTE)
    for line in ("", *shown, ""):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    print_sentences(lines, console)
    for line in _lookup(plan.options, study.name, pages):  # to be copied: never broken
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def ranked(plan: Plan, rows: Iterable[TrialRow]) -> list[TrialRow]:
    """Return all trials, best first, see :func:`besom.search.ranking.best_first`; with several
    objectives, which have no order, by number."""
    is_single = plan.objective.single
    return best_first(
        rows,
        lambda row: row.values[0] if is_single and row.values else None,
        plan.objective.directions[0],
    )


def n_ended(rows: Iterable[TrialRow]) -> int:
    """Count the trials that will not be tried again."""
    return sum(row.state != "running" for row in rows)


def _ending(plan: Plan, study: Study, rows: Sequence[TrialRow]) -> list[str]:
    """Return what has ended the trials before all were done; nothing if all are done."""
    n_open = plan.options.n_trials - n_ended(rows)
    if n_open <= 0:
        return []
    ended_by: str = study.recall("ended_by") or ""
    head = f"Ended by {ended_by}. " if ended_by else ""
    if study.exhausted and not (n_open := sum(row.state == "running" for row in rows)):
        return [head.rstrip()] if head else []
    trials, are = ("1 trial", "is") if n_open == 1 else (f"{n_open} trials", "are")
    if ended_by.startswith(OPTION):
        return [f"{head}The same command without that rule does the other {trials}."]
    return [f"{head}{trials} {are} still to be done; the same command resumes the sweep."]


def _remarks(rows: Sequence[TrialRow]) -> list[str]:
    """Return what was said of trials that count while the sweep ran, each sentence once."""
    remarks = [row.notes.get("remark") for row in rows if row.counts]
    return list(dict.fromkeys(filter(None, remarks)))


def _earlier(plan: Plan, study: Study, rows: Sequence[TrialRow], found: Sequence[str]) -> list[str]:
    """Return the verdict of an earlier confirmation and its age, unless ``found`` has it."""
    kept = study.recall("verdict")
    if kept is None or kept["sentence"] in found:
        return []
    others = [] if plan.counts(kept.get("code", "")) else ["of other source code"]
    if kept.get("constraints", {}) != plan.constraints.texts:
        others.append("under other constraints")
    of_other = f", {', '.join(others)}," if others else ""
    line = f"An earlier confirmation{of_other} found: {kept['sentence']}"
    if kept["trials"] == n_ended(rows):
        return [line]
    judge_anew = (
        _confirm_command(plan, study)
        or "the same command with hydra.sweeper.confirm.only=true hydra.sweeper.confirm.top_k=3"
    )
    age = f"reached after {kept['trials']} of {n_ended(rows)} trials"
    return [f"{line} It was {age}; judge anew:  {judge_anew}"]


def _confirm_command(plan: Plan, study: Study) -> str:
    """Return the command that gives a verdict later; empty if ``besom confirm`` cannot take the
    study: one of another application, or of ``besom train -m``, whose space is in no file."""
    if not _is_own(plan) or (study.recall("command") or "").startswith("besom train "):
        return ""
    how_many = () if plan.options.confirm.top_k else ("--top-k", "3")
    return _command(plan.options, "confirm", study.name, *how_many)


def _is_own(plan: Plan) -> bool:
    """Return whether the task is Besom's own, so that its commands can train it."""
    return plan.application.task.__module__.startswith("besom.")


def note(plan: Plan, study: Study, verdict: str = "", pages: str = "") -> str:
    """Return the sweep in Markdown, for its parent run's page in MLflow.

    The answer and the next commands come first: MLflow cuts off the end of long notes.

    Args:
        verdict: of its confirmation; empty if there was none.
        pages: the address of the study's trials, below that of MLflow's server.
    """
    rows = ranked(plan, study.rows())
    earlier = _earlier(plan, study, rows, [verdict])
    head = f"**{study.name}**: {plan.objective.label}, {', '.join(plan.objective.directions)}"
    said = [*([f"**{verdict}**"] if verdict else []), *earlier]
    found = [*said, *_sentences(plan, study, rows), *_ending(plan, study, rows), *_remarks(rows)]
    head += f". [All trials, sorted]({pages})" if pages else ""  # that page is not cut off
    steps = ["```", *_next_steps(plan, study, verdict), "```"]
    return "\n".join([head, "", *found, "", *steps, "", *_linked_table(plan, rows)])


def _next_steps(plan: Plan, study: Study, verdict: str) -> list[str]:
    """Return the commands that are useful next, each with its purpose."""
    options, begun = plan.options, study.recall("command")
    judged = _is_own(plan) and plan.objective.single
    steps = {begun: "again: what remains"} if begun else {}
    if judged and not verdict and (confirm := _confirm_command(plan, study)):
        steps[confirm] = "on fresh seeds: is the best better?"
    steps |= _readers(options, study.name)
    if judged:
        again = _command(options, "reproduce", "best", "--study", study.name)
        steps[again] = "the same numbers?"
        steps[_command(options, "export", study.name)] = "a configuration to train with"
    return command_lines(steps)


def _lookup(options: SweepOptions, study: str, pages: str) -> list[str]:
    """Return where all trials can be viewed, one line each."""
    steps, scheme = _readers(options, study), scheme_of(options.tracking_uri or "")
    if scheme in ("", "sqlite"):
        steps = {_command(options, "ui", study): "all trials in MLflow, sorted", **steps}
    if scheme not in SERVERS:
        return command_lines(steps)
    shown = f"{pages_of(options.tracking_uri or '')}/{pages}"
    return [f"All trials, sorted:  {shown}", *command_lines(steps)]


def _readers(options: SweepOptions, study: str) -> dict[str, str]:
    """Return the commands that show a study of any application, each with its purpose."""
    return {
        _command(options, "compare", study): "all trials",
        _command(options, "report", study): "one HTML file",
    }


def _command(options: SweepOptions, *words: str) -> str:
    return besom_command(*words, flags=record_flags(options.root, options.tracking_uri))


def _linked_table(plan: Plan, rows: list[TrialRow]) -> list[str]:
    """Return the best trials and the baseline in Markdown; each links to its run's page."""
    shown = rows[:MAX_ROWS] + [row for row in rows[MAX_ROWS:] if row.is_baseline]
    keys = _keys(shown)
    lines = [
        _line(["trial", *short_names(keys).values(), plan.objective.label, "state"]),
        "|" + "---|" * (len(keys) + 3),
    ]
    for row in shown:
        params = [show(row.shown.get(key, "")).replace("|", "&#124;") for key in keys]
        lines.append(_line([_link(row), *params, _value(row), _state(row)]))
    left = len(rows) - len(shown)
    lines += ["", f"… and {left} more trials"] if left else []
    return lines if all(row.counts for row in shown) else [*lines, "", FOOTNOTE]


def _line(cells: Iterable[str]) -> str:
    """Return a line of the table, with spaces, since MLflow's page leaves none between columns."""
    return f"| {' &nbsp;| '.join(cells)} |"


def _link(row: TrialRow) -> str:
    """Return a link with the trial's number; MLflow's pages find a run by its id alone."""
    run_id = row.notes.get("run_id")
    is_known = run_id and run_id.isalnum()  # other ids are Besom's, of runs not yet in MLflow
    return f"[{row.number}](#/runs/{run_id})" if is_known else str(row.number)


def _keys(rows: Iterable[TrialRow]) -> list[str]:
    """Return the searched keys, also those that only some trials have."""
    return list(dict.fromkeys(key for row in rows for key in row.shown))


def _columns(plan: Plan, rows: Sequence[TrialRow]) -> list[Column]:
    """Return the table's columns: searched parameters may be left out, objectives never."""
    columns = [Column("trial", [str(row.number) for row in rows])]
    for key, name in short_names(_keys(rows)).items():
        cells = [show(row.shown[key]) if key in row.shown else "" for row in rows]
        columns.append(Column(name, cells, rank=1))
    names = plan.objective.names or unnamed(len(plan.objective.directions))
    for place, name in enumerate(names):
        values = [show(row.values[place]) if row.values else "-" for row in rows]
        columns.append(Column(name, values))
    return [*columns, Column("state", [_state(row) for row in rows], is_text=True)]


def _value(row: TrialRow) -> str:
    return " ".join(map(show, row.values)) if row.values else "-"


def _state(row: TrialRow) -> str:
    if "reused" in row.notes:
        return f"= trial {row.notes['reused']}{'' if row.counts else MARK}"
    if row.state == "running":
        return "interrupted"
    state = "baseline" if row.is_baseline and row.state == "complete" else row.state
    if row.state == "complete" and row.infeasible:
        state = "baseline, infeasible" if row.is_baseline else "infeasible"
    return state if row.counts else f"{state}{MARK}"


def _none_feasible(plan: Plan, n_complete: int) -> str:
    return (
        f"None of {n_complete} complete trials is feasible ({plan.constraints}), so there is no "
        "best. With other bounds in hydra.sweeper.constraints the same command judges them anew."
    )


def _sentences(plan: Plan, study: Study, rows: list[TrialRow]) -> list[str]:
    if not plan.objective.single:
        front = ", ".join(str(row.number) for row in study.best())
        n_complete = sum(row.state == "complete" and row.counts for row in rows)
        if not front and n_complete:
            return [_none_feasible(plan, n_complete)]
        return [f"Pareto front: trials {front}"] if front else []
    complete = [row for row in rows if row.state == "complete" and row.counts]
    if not complete:
        by = "" if all(row.counts for row in rows) else " by today's code"
        return [f"No trial was completed{by}."]
    best = complete[0]
    if not best.is_eligible:
        return [_none_feasible(plan, len(complete))]
    baseline = next((row for row in complete if row.is_baseline), None)
    if baseline is best:
        return [f"Best: the baseline, {plan.objective.label} {show(best.values[0])}"]
    lines = [f"Best: trial {best.number}, {plan.objective.label} {show(best.values[0])}"]
    if baseline is not None:
        gain = best.values[0] - baseline.values[0]
        lines.append(
            f"Baseline: trial {baseline.number}, {show(baseline.values[0])}"
            f"{' (infeasible)' if baseline.infeasible else ''}; the best differs by "
            f"{gain:+.4g}. One run each: seeds alone may move it as much."
        )
    return lines
