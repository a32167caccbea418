"""``ensemble``: several runs that answer as one; compared, made, or averaged to one network."""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TextIO, get_args

from core.commands.context import Answer, Context, WrongUseError, chatter_to, interruptible, say
from core.commands.formats import amount, facts, number, percent, table
from core.commands.inspection import compute
from core.commands.parser import Command
from core.commands.stats import ProgressBar
from core.ensembles.appraisal import (
    Judged,
    against_best,
    agreement,
    error_correlation,
    greedy_order,
    judge_methods,
)
from core.ensembles.choosing import (
    Rule,
    candidates,
    chosen_by,
    snapshot_members,
    snapshots_of,
)
from core.ensembles.combine import COMBINATIONS
from core.ensembles.making import Asked, make_ensemble
from core.ensembles.soups import Order, Recipe, Soup, caution, check_soup
from core.ensembles.votes import Votes, checked, gathered, has_varied
from core.errors import N_, RunError, text
from core.evaluation.comparison import in_words
from core.evaluation.predictions import load_split
from core.evaluation.varying import variants
from core.parts import Member, Method
from core.records import RunRecord, is_run_id, short_id

Done = Callable[[Context, tuple[Member, ...]], Answer]
DETAILS = """\
members are RUN_ID, or RUN_ID@EPOCH for a snapshot that a run has kept

  ensemble RUN RUN …           make an ensemble: a run of its own
  ensemble methods RUN RUN …   compare all ways to combine them, and make nothing
  ensemble snapshots RUN       make an ensemble of the snapshots of one run
  ensemble soup RUN RUN …      average the weights: one network, a run of its own
  ensemble --rule …            choose the members by a rule, instead of naming them

All that is compared here is measured on validation images."""


def ensemble(context: Context) -> Answer:
    words = list(context.options.words)
    verb = words.pop(0) if words and words[0] in VERBS else ""
    return VERBS[verb](context, _members(context, words, verb))


def _members(context: Context, words: Sequence[str], verb: str) -> tuple[Member, ...]:
    """Those that are named, or found by the rule."""
    options = context.options
    if options.tta and verb in ("soup", "snapshots"):
        raise WrongUseError(N_("--tta is for whole runs that answer together."))
    if options.rule:
        if words or verb == "snapshots":
            raise WrongUseError(N_("Name the members or use --rule, not both."))
        return _with_versions(context, [Member(run=r.id) for r in _by_rule(context)])
    named = [_member(word) for word in words]
    if verb == "snapshots":
        if len(named) != 1:
            raise WrongUseError(N_("Name one run whose snapshots are to be combined."))
        return tuple(_snapshots(context, named[0].run))
    if len(named) < 2:
        raise WrongUseError(
            N_("An ensemble takes at least two members; received {n}."),
            n=len(named),
            remedy=text(N_("See {program} --help."), program="python -m core ensemble"),
        )
    return _with_versions(context, named)


def _member(word: str) -> Member:
    run, _at, epoch = word.partition("@")
    if not is_run_id(run) or (_at and not epoch.isdecimal()):
        raise WrongUseError(
            N_("Expected RUN_ID or RUN_ID@EPOCH, received {received}."), received=word[:80]
        )
    return Member(run=run, snapshot=int(epoch) if epoch else None)


def _by_rule(context: Context) -> list[RunRecord]:
    """All on the dataset that is named, or that of the newest run."""
    options = context.options
    if options.best < 0 or not 0 <= (options.at_least or 0) <= 1:
        raise WrongUseError(
            N_("Expected --at-least from 0 to 1 and --best from 0; received {at_least}, {best}."),
            at_least="–" if options.at_least is None else options.at_least,
            best=options.best,
        )
    found = candidates(context.store)
    if options.dataset:
        found = [r for r in found if r.config.data.dataset == options.dataset]
    if not found:
        raise RunError(N_("There is no finished run whose validation answers could be combined."))
    # Of datasets that were called the same one after the other: the newest.
    same = [r for r in found if r.dataset_fingerprint == found[0].dataset_fingerprint]
    return chosen_by(Rule(options.at_least, options.best), same)


def _snapshots(context: Context, run_id: str) -> list[Member]:
    record = context.store.read(run_id)
    epochs = snapshots_of(context.paths.run(record.id))
    if not epochs:
        raise RunError(
            N_("Run {run} has kept no snapshots."),
            remedy=text(N_("Train with --set train.snapshots=every (or cycles).")),
            run=record.id,
        )
    return snapshot_members(record.id, epochs)


def _with_versions(context: Context, members: Sequence[Member]) -> tuple[Member, ...]:
    """With ``--tta`` each judges several versions of every image, which is computed where it has
    not been; what was trained without changes stays as it is."""
    if not context.options.tta:
        return tuple(members)
    return tuple(_varied(context, member) for member in members)


def _varied(context: Context, member: Member) -> Member:
    record = context.store.read(member.run)
    shape = record.image_shape
    if member.snapshot is not None or not (
        shape and variants(record.config.augment, (shape[0], shape[1]))
    ):
        say(f"{short_id(record.id)}: no versions of an image, judged as it is")
        return member
    if not has_varied(context.paths, record.id):
        with tempfile.TemporaryFile("w", encoding="utf-8") as log, chatter_to(log) as person:
            compute(context, record.id, "varied", person)
    return member.model_copy(update={"varied": True})


def _make(context: Context, members: tuple[Member, ...]) -> Answer:
    options = context.options
    asked = Asked(members, options.method, "cli", options.by)
    record = make_ensemble(context.store, asked)
    votes = gathered(context.paths, members, "val")
    own = load_split(context.paths.run(record.id).predictions, "val")
    best, compared = against_best(votes, own.proba)
    assert record.composition is not None
    sentence = str(in_words(compared, "the best member", "the ensemble"))
    document = {
        "run_id": record.id,
        "method": options.method,
        "members": [m.model_dump(mode="json") for m in record.composition.members],
        "images": compared.n,
        "val_accuracy": compared.accuracy_b,
        "best_member": members[best].run,
        "best_snapshot": members[best].snapshot,
        "best_val_accuracy": compared.accuracy_a,
        "gain": compared.difference,
        "gain_interval": [compared.low, compared.high],
        "mcnemar_p": compared.mcnemar.p,
        "sentence": sentence[:1].upper() + sentence[1:],
    }
    lines = [
        ("run", record.id),
        ("method", COMBINATIONS[asked.method].label),
        ("validation accuracy", percent(compared.accuracy_b)),
        ("best member", f"{_name(members[best])}, {percent(compared.accuracy_a)}"),
        ("gain", f"{100 * compared.difference:+.2f} points"),
    ]
    told = [facts(lines), str(document["sentence"]), _members_table(votes, members)]
    return Answer(document, "\n\n".join(told))


def _methods(context: Context, members: tuple[Member, ...]) -> Answer:
    checked(context.paths, members)
    votes = gathered(context.paths, members, "val")
    found, problems = judge_methods(votes)
    steps = greedy_order(votes)
    best = max(votes.accuracies)
    document = {
        "images": len(votes.rows),
        "left_out": list(votes.left),
        "members": [
            {**m.model_dump(mode="json", exclude={"weight"}), "val_accuracy": worth}
            for m, worth in zip(members, votes.accuracies, strict=True)
        ],
        "methods": [
            {
                "method": j.method,
                "val_accuracy": j.accuracy,
                "val_loss": j.loss,
                "gain": j.accuracy - best,
                "cross_fitted": COMBINATIONS[j.method].learn is not None,
            }
            for j in found
        ],
        "problems": [str(problem) for problem in problems],
        "greedy": [
            {
                "run_id": members[s.member].run,
                "snapshot": members[s.member].snapshot,
                "val_accuracy": s.accuracy,
                "val_loss": s.loss,
            }
            for s in steps
        ],
        "agreement": agreement(votes).round(6).tolist(),
        "error_correlation": [
            [None if v != v else round(v, 6) for v in row]
            for row in error_correlation(votes).tolist()
        ],
    }
    said = [*map(str, problems)]
    tables = [_methods_table(found, best), _members_table(votes, members)]
    return Answer(document, "\n\n".join([f"{amount(len(votes.rows))} images", *tables, *said]))


def _methods_table(found: Sequence[Judged], best: float) -> str:
    rows = [
        (
            COMBINATIONS[judged.method].label,
            percent(judged.accuracy),
            f"{100 * (judged.accuracy - best):+.2f}",
            number(judged.loss),
        )
        for judged in found
    ]
    right = ("val. acc.", "gain (points)", "val. loss")
    return table(("method", *right), rows, right=right)


def _members_table(votes: Votes, members: Sequence[Member]) -> str:
    steps = greedy_order(votes)
    rows = [
        (
            _name(members[step.member]),
            percent(votes.accuracies[step.member]),
            percent(step.accuracy),
            amount(votes.left[step.member]),
        )
        for step in steps
    ]
    right = ("alone", "together so far", "images left out")
    return table(("members in greedy order", *right), rows, right=right)


def _name(member: Member) -> str:
    at = f"@{member.snapshot}" if member.snapshot is not None else ""
    return f"{member.run}{at}{' (TTA)' if member.varied else ''}"


def _soup(context: Context, members: tuple[Member, ...]) -> Answer:
    options = context.options
    plain = tuple(member.model_copy(update={"varied": False}) for member in members)
    order = Order(members=plain, recipe=options.recipe, by=options.by, owner="cli")
    warning = caution(check_soup(context.paths, plain))
    if warning:
        say(f"warning: {warning}")
    with tempfile.TemporaryFile("w", encoding="utf-8") as log, chatter_to(log) as person:
        soup = _cooked(context, order, person)
    context.store.refresh(soup.run)
    document = {
        "run_id": soup.run,
        "recipe": order.recipe,
        "val_accuracy": soup.accuracy,
        "members": [
            {"run_id": m.run, "snapshot": m.snapshot, "val_accuracy": worth, "used": i in soup.used}
            for i, (m, worth) in enumerate(zip(soup.members, soup.accuracies, strict=True))
        ],
        "warning": str(warning) if warning else None,
    }
    rows = [
        (_name(m), percent(worth), "yes" if i in soup.used else "no")
        for i, (m, worth) in enumerate(zip(soup.members, soup.accuracies, strict=True))
    ]
    said = facts([("run", soup.run), ("validation accuracy", percent(soup.accuracy))])
    return Answer(document, said + "\n\n" + table(("member", "alone", "averaged"), rows))


def _cooked(context: Context, order: Order, person: TextIO) -> Soup:
    from core.souping import make_soup  # loads Keras

    cancelled = threading.Event()
    notice = "Cancelling… (Ctrl-C again aborts at once)"
    with interruptible(cancelled.set, notice), closing(ProgressBar(person)) as on_progress:
        return make_soup(context.paths, order, on_progress, cancelled.is_set)


VERBS: dict[str, Done] = {"": _make, "methods": _methods, "snapshots": _make, "soup": _soup}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="MEMBER", nargs="*", help="see below")
    parser.add_argument(
        "--method",
        choices=get_args(Method),
        default="mean",
        help="how the members are combined (default: mean)",
    )
    parser.add_argument(
        "--recipe",
        choices=get_args(Recipe),
        default="greedy",
        help="of a soup: only members that help (default), or all",
    )
    parser.add_argument("--tta", action="store_true", help="members judge several versions")
    parser.add_argument("--rule", action="store_true", help="choose the members by the next three")
    parser.add_argument("--dataset", metavar="NAME", help="of this dataset (default: the newest)")
    parser.add_argument(
        "--at-least",
        type=float,
        metavar="SHARE",
        help="all of this validation accuracy, 0 to 1 (default: none by this)",
    )
    parser.add_argument(
        "--best",
        type=int,
        default=1,
        metavar="N",
        help="and the best N of each architecture (default: 1)",
    )
    parser.add_argument("--by", default="", metavar="NAME", help="who makes it")


ENSEMBLE = Command(
    "ensemble", "Combine several runs to one.", ensemble, _arguments, lambda: DETAILS
)
