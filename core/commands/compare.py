"""``compare``, ``remark``: is one run really better than another; tags and a note."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from core.commands.context import Answer, Context
from core.commands.formats import amount, facts, number, percent, table
from core.commands.parser import Command, add_run_id
from core.errors import N_, RunError
from core.evaluation.comparison import (
    Comparison,
    Pair,
    broken_images,
    compare,
    doubt_in_words,
    fixed_images,
    in_words,
    probability_in_words,
)
from core.fields import FIELDS, SETTINGS, RunRow, differing
from core.pairing import common_splits, load_pair
from core.records import RunRecord, enough_names, short_id
from core.remarks import Remarks, make_remarks, read_remarks

LISTED = 100
"""Rows of images that the JSON document names."""


def compare_runs(context: Context) -> Answer:
    options = context.options
    a, b = (context.store.read(run_id) for run_id in (options.run_a, options.run_b))
    splits = common_splits(context.paths, a, b)
    split = options.split or splits[0]
    if split not in splits:
        raise RunError(
            N_("The runs cannot be compared on the split {received}. Expected one of: {expected}."),
            received=split,
            expected=", ".join(splits),
        )
    both = load_pair(context.paths, a, b, split)
    found = compare(both)
    document = {
        "run_a": a.id,
        "run_b": b.id,
        "split": split,
        **_document(found, _names(a, both)),
        "left_out": {"a": both.left_a, "b": both.left_b},
        "fixed_rows": _rows(both, fixed=True),
        "broken_rows": _rows(both, fixed=False),
        "settings": [{"setting": key, "a": one, "b": two} for key, one, two in _settings(a, b)],
        "sentence": str(in_words(found, "A", "B")),
    }
    lines = _paragraphs(found, (a, b), both, split)
    return Answer(document, "\n\n".join(lines))


def remark(context: Context) -> Answer:
    options = context.options
    record = context.store.read(options.run_id)
    before = read_remarks(context.paths, record.id)
    tagged = before.with_tags(add=tuple(options.tag), drop=tuple(options.untag))
    note = before.note if options.note is None else options.note
    after = make_remarks(tagged.tags, note)
    if after != before:
        context.store.remark(record.id, after)
    document = {"run_id": record.id, **after.model_dump(mode="json")}
    return Answer(document, facts([("run", record.id), *remark_facts(after)]))


def remark_facts(remarks: Remarks) -> list[tuple[str, str]]:
    """The tags and the note, if there are any."""
    tags = [("tags", ", ".join(remarks.tags))] if remarks.tags else []
    return tags + ([("note", remarks.note)] if remarks.note else [])


def _document(found: Comparison, names: tuple[str, ...]) -> dict[str, object]:
    return {
        "images": found.n,
        "accuracy_a": found.accuracy_a,
        "accuracy_b": found.accuracy_b,
        "difference": found.difference,
        "difference_interval": [found.low, found.high],
        "fixed": found.fixed,
        "broken": found.broken,
        "mcnemar": {"p": found.mcnemar.p, "chi_square": found.mcnemar.statistic},
        "agreement": found.agreement.share,
        "kappa": found.agreement.kappa,
        "verdict": found.verdict.value,
        "per_class": [
            {
                "class": names[c.label],
                "images": c.support,
                "recall_a": c.found_a / c.support,
                "recall_b": c.found_b / c.support,
                "fixed": c.fixed,
                "broken": c.broken,
            }
            for c in found.classes
        ],
    }


def _rows(both: Pair, *, fixed: bool) -> list[int]:
    chosen = fixed_images(both) if fixed else broken_images(both)
    rows: list[int] = both.a.rows[chosen[:LISTED]].tolist()
    return rows


def _settings(a: RunRecord, b: RunRecord) -> list[tuple[str, object, object]]:
    one, two = RunRow(a, Remarks()), RunRow(b, Remarks())
    # An ensemble has no settings of its own that could be different.
    of_ensembles = [FIELDS[key] for key in ("network", "data.dataset")]
    fields = of_ensembles if "ensemble" in (a.kind, b.kind) else SETTINGS
    return [(f.key, one[f.key], two[f.key]) for f in differing([one, two], fields)]


def _paragraphs(
    found: Comparison, runs: tuple[RunRecord, RunRecord], both: Pair, split: str
) -> Iterator[str]:
    a, b = runs
    yield str(in_words(found, short_id(a.id), short_id(b.id)))
    yield facts(
        [
            ("split", f"{split}, {amount(found.n)} images"),
            ("run A", f"{a.id}, {percent(found.accuracy_a)}"),
            ("run B", f"{b.id}, {percent(found.accuracy_b)}"),
            (
                "difference",
                f"{100 * found.difference:+.1f} points (95 % interval {100 * found.low:+.1f} to "
                f"{100 * found.high:+.1f})",
            ),
            ("fixed, broken", f"{amount(found.fixed)}, {amount(found.broken)}"),
            ("McNemar's p", f"{found.mcnemar.p:.3g}"),
            ("agreement", f"{percent(found.agreement.share)}, kappa {_kappa(found)}"),
        ]
    )
    if both.left_a or both.left_b:
        yield f"Left out, judged by one only: {both.left_a} of A, {both.left_b} of B."
    yield str(probability_in_words(found))
    if doubt := doubt_in_words(found):
        yield str(doubt)
    if rows := [(key, str(one), str(two)) for key, one, two in _settings(a, b)]:
        yield table(("setting", "A", "B"), rows)
    yield _class_table(found, _names(a, both))


def _names(record: RunRecord, both: Pair) -> tuple[str, ...]:
    return enough_names(record.class_names, both.a.proba.shape[1])


def _kappa(found: Comparison) -> str:
    return number(found.agreement.kappa)


def _class_table(found: Comparison, names: tuple[str, ...]) -> str:
    """The greatest gains first."""
    rows = [
        (
            names[c.label],
            percent(c.found_a / c.support),
            percent(c.found_b / c.support),
            amount(c.fixed),
            amount(c.broken),
            amount(c.support),
        )
        for c in sorted(found.classes, key=lambda c: -c.gain)
    ]
    right = ("recall A", "recall B", "fixed", "broken", "images")
    return table(("class", *right), rows, right=right)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_a", metavar="RUN_A", help="the run to compare with")
    parser.add_argument("run_b", metavar="RUN_B", help="the run that may be better")
    parser.add_argument(
        "--split", choices=("val", "test"), help="which images (default: validation)"
    )


def _remark_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument("--tag", action="append", default=[], help="a word to add to its tags")
    parser.add_argument("--untag", action="append", default=[], help="a tag to take away")
    parser.add_argument("--note", help="what to write about it; empty for nothing")


COMPARE = (
    Command("compare", "Compare two runs image by image.", compare_runs, _compare_arguments),
    Command("remark", "Show or change the tags and the note of a run.", remark, _remark_arguments),
)
