"""The competition as a student and as the teacher see it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.competition.board import ranking, ranking_csv
from core.competition.entries import read_entries, rewrite
from core.competition.handing_in import submit_file, submit_run, submitted_by
from core.competition.job import hide_job
from core.competition.opening import (
    begin_hidden,
    close,
    list_competitions,
    load_solution,
    read_competition,
    reveal,
)
from core.competition.scoring import Score
from core.competition.settings import Settings, Stage
from core.datasets.registry import list_datasets, open_dataset
from core.lab import Lab
from core.records import RunRecord, now
from tests.competition.contest import (
    TRUTH,
    answered,
    labels_csv,
    make_competition,
    make_unlabelled,
    with_right,
)
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import make_dataset
from ui.people import TEACHER
from ui.state import NAME

MakeRun = Callable[..., RunRecord]


def opened(app: OpenPage, run: RunRecord | None = None, name: str = "Ana") -> AppTest:
    page = app("start", run)
    page.session_state[NAME] = name
    page.switch_page("pages/competition.py").run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    kinds = (page.info, page.warning, page.error, page.success, page.caption, page.markdown)
    return plain("\n".join(one.value for kind in kinds for one in kind))


def keys(page: AppTest) -> set[str]:
    return {str(button.key) for button in page.button}


def board(page: AppTest) -> Any:
    return next(t.value for t in page.dataframe if "Rank" in t.value.columns)


@pytest.fixture
def pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENZO_TEACHER_PIN", "1234")


@pytest.mark.usefixtures("pin")
def test_a_student_without_competition(app: OpenPage) -> None:
    page = opened(app)
    assert "your teacher can open one" in said(page)
    assert page.segmented_control(key="competition_view").options == [
        "Leaderboard",
        "Submission file",
    ]


def test_a_teacher_opens_one_with_uploaded_labels(app: OpenPage, lab: Lab) -> None:
    make_unlabelled(lab.paths)
    page = opened(app)
    assert "Open one" in said(page)
    page.segmented_control(key="competition_view").set_value("open").run()
    page.selectbox(key="competition.source").set_value("secret").run()
    assert page.button(key="competition.create").disabled
    page.text_input(key="competition.title").set_value("Pets").run()
    page.file_uploader(key="competition.solution").upload("s.csv", b"a,b\nu0.png,cow\n").run()
    page.button(key="competition.create").click().run()
    assert "No column of the file names a class" in said(page)
    assert not list_competitions(lab.paths).competitions
    page.file_uploader(key="competition.solution").upload("s.csv", labels_csv()).run()
    page.number_input(key="competition.to_beat").set_value(80.0).run()
    page.slider(key="competition.share").set_value(50).run()
    page.button(key="competition.create").click().run()
    (made,) = list_competitions(lab.paths).competitions
    assert (made.settings.title, made.public_images, made.images) == ("Pets", 30, 60)
    assert page.query_params["competition"] == made.id
    assert board(page)["Public score"].tolist() == [0.8, 0.3333]
    assert "Nobody has handed in yet" in said(page)


def test_a_student_hands_in_a_run_and_a_file(app: OpenPage, lab: Lab) -> None:
    made = make_competition(lab.paths, per_day=2)
    info = open_dataset(lab.paths, "secret").info
    run = answered(lab.store, info, with_right(60))
    page = opened(app, run)
    assert "2 submissions left today" in said(page)
    page.button(key="competition.hand_in").click().run()
    assert "Handed in as “Ana”: 100.00 % on the public images" in said(page)
    assert board(page)["Name"].tolist()[0] == "▶ Ana"
    page.button(key="competition.hand_in").click().run()
    assert "handed in under this name before" in said(page)
    page.segmented_control(key="competition.way").set_value("file").run()
    page.file_uploader(key="competition.upload").upload("mine.csv", b"id,class\nu0.png,cat\n").run()
    page.button(key="competition.hand_in").click().run()
    assert "59 of 60 images have no line" in said(page)
    page.file_uploader(key="competition.upload").upload(
        "mine.csv", labels_csv(with_right(30))
    ).run()
    page.button(key="competition.hand_in").click().run()
    assert "Nothing is left for today" in said(page)
    mine = submitted_by(lab.paths, made, "ana")
    assert [one.what for one in mine] == ["mine.csv", run.id]
    page.multiselect[0].set_value([mine[0].id]).run()
    assert [one.chosen for one in submitted_by(lab.paths, made, "Ana")] == [True, False]


def test_a_run_that_has_not_answered_is_asked_first(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    make_competition(lab.paths)
    page = opened(app)
    assert "No finished run fits" in said(page)
    page = opened(app, make_run(dataset=open_dataset(lab.paths, "secret").info))
    assert "competition.predict.hand_in" in keys(page)
    assert "competition.hand_in" not in keys(page)


@pytest.mark.usefixtures("pin")
def test_what_students_may_not(app: OpenPage, lab: Lab) -> None:
    made = make_competition(lab.paths)
    page = opened(app)
    assert not keys(page) & {"competition.delete", "competition.close", "competition.remove"}
    page.session_state[TEACHER] = True
    page.run()
    assert {"competition.delete", "competition.close"} <= keys(page)
    page.button(key="competition.close").click().run()
    assert "It is closed" in said(page)
    page.button(key="competition.reveal").click().run()
    assert "cannot be taken back" in said(page)
    page.button(key="competition.sure").click().run()
    assert read_competition(lab.paths, made.id).revealed
    page.button(key="competition.delete").click().run()
    page.button(key="competition.sure").click().run()
    assert not lab.paths.competition(made.id).folder.exists()
    page.run()
    assert "There is no competition yet" in said(page)


def test_a_nickname_is_no_formula(app: OpenPage, lab: Lab) -> None:
    made = make_competition(lab.paths)
    submit_file(lab.paths, made.id, "=1+1", ("a.csv", labels_csv(with_right(60))))
    assert board(opened(app))["Name"].tolist()[0] == "'=1+1"
    assert ranking_csv(made, ranking(lab.paths, made)).splitlines()[1].startswith("1,'=1+1,")


def test_the_end_shows_final_places(app: OpenPage, lab: Lab) -> None:
    """Bea fitted the public images, Ana is right about all private ones."""
    made = make_competition(lab.paths)
    public = load_solution(lab.paths, made.id).public
    for name, right in (("Ana", ~public), ("Bea", public)):
        labels = np.where(right, TRUTH, (TRUTH + 1) % 3)
        submit_file(lab.paths, made.id, name, ("a.csv", labels_csv(labels)))
    close(lab.paths, made.id)
    page = opened(app)
    assert board(page)["Name"].tolist() == ["Bea", *board(page)["Name"].tolist()[1:]]
    assert "Final score" not in board(page).columns
    reveal(lab.paths, made.id)
    page = opened(app)
    table = board(page)
    assert table["Name"].tolist()[0] == "▶ Ana"
    assert table["Final score"].tolist() == [1.0, 0.3333, 0.0]
    assert table["Places"].tolist()[0] == 1
    assert table["Places"].tolist()[2] == -1


def test_the_teacher_removes_extends_and_adds_a_run(app: OpenPage, lab: Lab) -> None:
    made = make_competition(lab.paths)
    info = open_dataset(lab.paths, "secret").info
    run = answered(lab.store, info, with_right(45))
    submit_run(lab.paths, made.id, "Ana", run.id)
    page = opened(app, run)
    page.button(key="competition.add").click().run()
    assert sum(name.startswith("⚑") for name in board(page)["Name"]) == 2
    (one,) = submitted_by(lab.paths, made, "Ana")
    page.selectbox(key="competition.remove_which").set_value(one.id).run()
    page.button(key="competition.remove").click().run()
    assert submitted_by(lab.paths, made, "Ana") == []
    end = datetime.datetime(2036, 1, 1, 12, 0)
    page.get("date_time_input")[0]
    page.session_state["competition.new_end"] = end
    page.run()
    page.button(key="competition.extend").click().run()
    closes = read_competition(lab.paths, made.id).settings.closes
    assert closes is not None
    assert closes > now()


def test_the_file_of_a_run(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    dataset = make_unlabelled(lab.paths)
    page = opened(app, make_run(dataset=dataset.info))
    page.segmented_control(key="competition_view").set_value("file").run()
    assert "competition.predict.file" in keys(page)
    page = opened(app, answered(lab.store, dataset.info, TRUTH))
    page.segmented_control(key="competition_view").set_value("file").run()
    assert "60 lines. Columns: file, class." in said(page)
    assert page.get("download_button")
    page = opened(app, make_run(dataset=make_dataset(lab.paths, "open", rows={"test": 0})))
    page.segmented_control(key="competition_view").set_value("file").run()
    assert "there is nothing to hand in" in said(page)


def test_in_spanish_and_of_another_address(app: OpenPage, lab: Lab) -> None:
    made = make_competition(lab.paths)
    page = app("start", lang="es")
    page.session_state["competition"] = "20260101-000000-abcdef"
    page.switch_page("pages/competition.py").run()
    assert not page.exception
    assert page.warning
    assert page.selectbox(key="competition").value == made.id
    assert len(ranking(lab.paths, made)) == 1


def test_nothing_secret_reaches_a_page(app: OpenPage, lab: Lab) -> None:
    """Everything that is sent, and all that a session keeps, before the final ranking."""
    made = make_competition(lab.paths)
    files = lab.paths.competition(made.id)
    for name, right in (("Ana", 41), ("Bea", 23)):
        submit_file(lab.paths, made.id, name, ("a.csv", labels_csv(with_right(right))))
    secret = Score(value=0.9173, low=0.8911, high=0.9371)
    rewrite(files, [e.model_copy(update={"private": secret}) for e in read_entries(files)])
    page = opened(app)
    sent = "\n".join(str(node.proto) for node in page.main if hasattr(node, "proto"))
    sent += str([table.value.to_dict() for table in page.dataframe])
    sent += str(page.session_state._state.filtered_state)
    assert "Bea" in sent
    for value in ("9173", "91.73", "8911", "89.11", "9371", "93.71", "u0.png", "y_true"):
        assert value not in sent


def test_the_test_labels_are_hidden_in_a_copy(
    app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that makes the copy is done without; then the original can be deleted."""
    monkeypatch.setattr("ui.competition_open.launch_hidden", lambda *_: None)
    make_competition(lab.paths, title="Another")
    make_dataset(lab.paths, "pets")
    page = opened(app)
    page.segmented_control(key="competition_view").set_value("open").run()
    assert "such a competition is an exercise" in said(page)
    page.selectbox(key="competition.source").set_value("pets").run()
    assert "delete “pets”: this page offers it" in said(page)
    page.text_input(key="competition.title").set_value("Pets").run()
    page.button(key="competition.create").click().run()
    (request,) = list_competitions(lab.paths).preparing
    assert request.copy_name == "pets-secret"
    assert {f"competition.prepare.{request.id}", f"competition.drop.{request.id}"} <= keys(page)
    assert "not here (any more)" not in said(page)
    assert hide_job(lab.paths, request.id).status == "finished"
    page.run()
    assert page.query_params["competition"] == request.id
    assert "still shows the labels" in said(page)
    assert page.button(key="competition.leak").label == "Delete “pets”"
    page.button(key="competition.leak").click().run()
    page.button(key="competition.sure").click().run()
    assert {info.name for info in list_datasets(lab.paths)} == {"digits", "pets-secret", "secret"}
    page.run()
    assert "still shows" not in said(page)


def test_a_competition_that_waits_for_its_beginning(app: OpenPage, lab: Lab) -> None:
    """And whose dataset was renamed meanwhile."""
    made = make_competition(lab.paths, opens=now() + datetime.timedelta(days=2))
    lab.store.rename_dataset("secret", "renamed")
    page = opened(app)
    assert "It opens on" in said(page)
    assert "Dataset: renamed." in said(page)
    assert "competition.close" not in keys(page)
    page.button(key="competition.open_now").click().run()
    assert read_competition(lab.paths, made.id).stage(now()) is Stage.OPEN
    assert "5 submissions left today" in said(page)


def test_a_copy_that_is_given_up(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "pets")
    made = begin_hidden(lab.paths, "pets", "copy", Settings(title="Pets"))
    page = opened(app)
    page.button(key=f"competition.drop.{made}").click().run()
    assert list_competitions(lab.paths).preparing == []
    assert "There is no competition yet" in said(page)
