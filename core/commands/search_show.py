"""``search list``, ``show``, ``stop``, ``delete``: the searches and what they have found."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from core.commands.context import Answer, Context
from core.commands.formats import NOTHING, duration, facts, number, percent, table
from core.commands.parser import Command, add_yes
from core.errors import LabError
from core.search.results import Importance, TrialRow, importance, ranked, trials_of
from core.search.spec import Study, StudySpec
from core.search.study import (
    dashboard_command,
    delete_study,
    list_studies,
    read_study,
    stop_study,
)

SHOWN_TRIALS = 10
_COLUMNS = ("study", "status", "dataset", "sampler", "trials", "best", "title")


def listed(context: Context) -> Answer:
    studies = [
        (study, trials_of(context.store, study.spec.id)) for study in list_studies(context.paths)
    ]
    documents: list[object] = [_document(study, rows) for study, rows in studies]
    lines = [_line(study, rows) for study, rows in studies]
    return Answer(documents, table(_COLUMNS, lines, right=("trials", "best")))


def _line(study: Study, rows: Sequence[TrialRow]) -> tuple[str, ...]:
    spec, best = study.spec, _best(study.spec, rows)
    return (
        spec.id,
        study.state.status.value,
        spec.config.data.dataset,
        spec.sampler,
        str(len(rows)),
        value_text(spec, best.value if best else None),
        spec.title or NOTHING,
    )


def _best(spec: StudySpec, rows: Sequence[TrialRow]) -> TrialRow | None:
    return next(iter(ranked(rows, spec)), None)


def value_text(spec: StudySpec, value: float | None) -> str:
    return percent(value) if spec.maximize else number(value, unit="nats" if value else "")


def _document(study: Study, rows: Sequence[TrialRow]) -> dict[str, object]:
    spec, best = study.spec, _best(study.spec, rows)
    return {
        "study_id": spec.id,
        "title": spec.title,
        "status": study.state.status.value,
        "why": str(study.state.why) if study.state.why else None,
        "dataset": spec.config.data.dataset,
        "sampler": spec.sampler,
        "pruner": spec.pruner,
        "objective": spec.objective,
        "trials": len(rows),
        "seconds": study.state.seconds_used(),
        "seconds_left": study.seconds_left,
        "best": best and trial_document(best),
    }


def trial_document(row: TrialRow) -> dict[str, object]:
    return {
        "number": row.number,
        "run_id": row.run_id,
        "state": row.state,
        "value": row.value,
        "params": dict(row.params),
        "epochs": row.epochs,
        "seconds": row.seconds,
        "why": str(row.why) if row.why else None,
    }


def show(context: Context) -> Answer:
    return shown(context, context.options.study_id)


def shown(context: Context, study_id: str) -> Answer:
    """Everything about one study."""
    study = read_study(context.paths, study_id)
    rows = trials_of(context.store, study_id)
    mattered, unknown = _importance(context, study_id)
    document = {
        **_document(study, rows),
        "all_trials": [trial_document(row) for row in rows],
        "importance": {one.key: one.share for one in mattered},
        "dashboard": dashboard_command(context.paths),
    }
    paragraphs = [_facts(context, study, rows), _leaderboard(study.spec, rows)]
    paragraphs.append(unknown or facts([(one.key, percent(one.share)) for one in mattered]))
    return Answer(document, "\n\n".join(paragraphs))


def _importance(context: Context, study_id: str) -> tuple[list[Importance], str]:
    try:
        return importance(context.store, study_id), ""
    except LabError as error:
        return [], str(error)


def _facts(context: Context, study: Study, rows: Sequence[TrialRow]) -> str:
    spec, state = study.spec, study.state
    states = [row.state for row in rows]
    counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states)) or NOTHING
    return facts(
        [
            ("study", spec.id),
            *([("title", spec.title)] if spec.title else ()),
            ("status", state.status.value),
            *([("because", str(state.why))] if state.why else ()),
            ("dataset", spec.config.data.dataset),
            ("sampler", f"{spec.sampler}, pruner {spec.pruner}"),
            ("trials", counts),
            ("time", duration(state.seconds_used())),
            ("to look at it", dashboard_command(context.paths)),
        ]
    )


def _leaderboard(spec: StudySpec, rows: Sequence[TrialRow]) -> str:
    keys = list(spec.space.fields)
    lines = [
        (
            str(row.number + 1),  # as the page counts; in documents as Optuna does, from 0
            value_text(spec, row.value),
            row.run_id or NOTHING,
            *(_written(row.params.get(key)) for key in keys),
        )
        for row in ranked(rows, spec)[:SHOWN_TRIALS]
    ]
    return table(("trial", spec.objective, "run", *keys), lines, right=("trial", spec.objective))


def _written(value: object) -> str:
    return NOTHING if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def written(documents: Sequence[object]) -> str:
    """Rows of equal keys as a table."""
    rows = [row for row in documents if isinstance(row, Mapping)]
    columns = tuple(rows[0]) if rows else ()
    return table(columns, [tuple(_written(row[c]) for c in columns) for row in rows])


def stop(context: Context) -> Answer:
    study_id = context.options.study_id
    stop_study(context.paths, study_id)
    return Answer({"study_id": study_id, "status": "stopped"}, f"Study {study_id} was stopped.")


def delete(context: Context) -> Answer:
    options = context.options
    study = read_study(context.paths, options.study_id)
    what = "and all of its runs " if options.with_runs else ""
    if not context.confirm(f"Delete the study {study.spec.id} {what}for good?"):
        return Answer({"deleted": None}, "Nothing was deleted.")
    delete_study(context.store, study.spec.id, with_runs=options.with_runs)
    return Answer({"deleted": study.spec.id}, f"Study {study.spec.id} was deleted.")


def add_study_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study_id", metavar="STUDY_ID", help="see the command search list")


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    add_study_id(parser)
    parser.add_argument("--with-runs", action="store_true", help="and the runs of its trials")
    add_yes(parser)


SHOW = (
    Command("list", "List all searches, newest first.", listed),
    Command("show", "Show a search: the best trials, what mattered.", show, add_study_id),
    Command("stop", "Stop a search; it can go on later.", stop, add_study_id),
    Command("delete", "Delete a search; its runs stay.", delete, _delete_arguments),
)
