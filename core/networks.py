"""Which networks answer for a run: its own, or those of the runs that it is made of."""

from __future__ import annotations

from pathlib import Path

from core.errors import N_, RunError, text
from core.parts import Member
from core.paths import Paths
from core.records import RunRecord, short_id


def members_of(record: RunRecord) -> tuple[Member, ...]:
    """Of a composed run; none of any other, and none as long as that is not decided."""
    return record.composition.members if record.composition else ()


def network_file(paths: Paths, member: Member) -> Path:
    """Where the network of a member is."""
    files = paths.run(member.run)
    return files.model if member.snapshot is None else files.snapshot(member.snapshot)


def network_version(paths: Paths, record: RunRecord) -> int:
    """Another one whenever a network that answers for the run has changed.

    Raises:
        RunError: if there is none, or one of them is gone.
    """
    files = paths.run(record.id)
    if not record.is_composed:
        if files.model.is_file():
            return files.model.stat().st_mtime_ns
        raise RunError(
            N_("Run {run} is {status}: it has no trained network."),
            run=record.id,
            status=record.status.text,
        )
    if not members_of(record):
        raise RunError(N_("Run {run} has no members yet that could answer."), run=record.id)
    versions = []
    for member in members_of(record):
        try:
            versions.append(network_file(paths, member).stat().st_mtime_ns)
        except FileNotFoundError:
            raise _gone(record, member) from None
    return hash(tuple(versions))


def has_network(paths: Paths, record: RunRecord) -> bool:
    """Whether the run can be asked about pictures."""
    try:
        network_version(paths, record)
    except RunError:
        return False
    return record.image_shape is not None


def _gone(record: RunRecord, member: Member) -> RunError:
    return RunError(
        N_(
            "Run {run} is made of {members} networks, and that of run {member} is gone: it was "
            "deleted, or its folder was moved."
        ),
        remedy=text(N_("What the run has predicted is kept; make a new ensemble to ask it more.")),
        run=short_id(record.id),
        members=len(members_of(record)),
        member=short_id(member.run),
    )
