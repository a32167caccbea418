"""Files from outside: what they mean, and what is said of bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from core.competition.forms import Form
from core.competition.tables import read_answers, read_labels
from core.errors import CompetitionError

NAMES = ("a/1.png", "b/2.png", "c/3.png")
FORM = Form(("id", "label"), 0, ("7", "8", "9", "10"), np.array([2, 0, 1, -1]), NAMES)
"""Row 2 is called 7, row 0 is called 8, row 1 is called 9; 10 is no image of the dataset."""
CLASSES = ("cat", "dog, big", "año")


@pytest.mark.parametrize(
    "written",
    [
        "id,label\n7,año\n8,cat\n9,cat\n",
        "id,label\n10,cat\n9,cat\n8,cat\n7,año\n",
        "\ufeffImagen;Clase\r\n8;Cat\r\n\r\n9;CAT\r\n7;Año\r\n",
        "8,cat\n9,cat\n7,año\n",
        "label\tfile\nan\u0303o\t3.png\ncat\t1.png\ncat\t2.png\n",
        'what,usage,x\ncat,Public,b/2.png\n"cat",Private,1\naño,Public,7\n',
    ],
    ids=["ids", "more", "spreadsheet", "no titles", "names, tabs", "other columns"],
)
def test_labels_are_read(written: str) -> None:
    assert read_labels(written.encode(), FORM, CLASSES).tolist() == [0, 0, 2]


def test_latin_1_and_quoted_commas() -> None:
    data = 'id;label\n8;"dog, big"\n9;cat\n7;año\n'.encode("cp1252")
    assert read_labels(data, FORM, CLASSES).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "no table"),
        ("\0\0", "no table"),
        ("id\n7\n8\n9\n", "single column"),
        ("id,label\nx,cat\ny,cat\n", "No column of the file names an image"),
        ("id,label\n7,one\n8,two\n9,one\n", "No column of the file names a class"),
        ("id,label\n7,cat\n8,cat\n\nx,cat\n9,cat\n", "Line 5: there is no image “x”"),
        ("id,label\n7,cat\n8,cat\n9,wolf\n", "Line 4: there is no class “wolf”"),
        ("id,label\n7,cat\n8,\n9,cat\n", "Line 3: there is no class “”"),
        ("id,label\n7,cat\n8,cat\n", "1 of 3 images have no line: “9”"),
        ("id,label\n7,cat\n8,cat\n7,cat\n9,cat\n", "Line 4: “7” was answered in line 2"),
        ("id,label\n7,cat\n8,cat\n9,cat\n3.png,cat\n", "Line 5: “3.png” was answered in line 2"),
    ],
)
def test_bad_files_are_refused_with_their_line(written: str, said: str) -> None:
    with pytest.raises(CompetitionError) as caught:
        read_labels(written.encode(), FORM, CLASSES)
    assert said in str(caught.value)


def test_huge_files_are_refused_before_they_fill_the_memory() -> None:
    for data, said in (
        (b"id,label\n" + b"7,cat\n" * 1000, "more than 112 lines"),
        (b"id,label\n7,cat\n" + b"," * 1000, "Line 3 has more than 103 columns"),
        (b"," * 1000, "Line 1 has more than 103 columns"),
    ):
        with pytest.raises(CompetitionError, match=said):
            read_labels(data, FORM, CLASSES)


def test_digits_that_are_both_image_and_class() -> None:
    """Image 1 to 12, classes 0 to 2: the column with more of the images is theirs."""
    form = Form(("ImageId", "Label"), 0, [str(i) for i in range(1, 13)], np.arange(12), ["x"] * 12)
    lines = [f"{i},{i % 3}" for i in range(1, 13)]
    data = "\n".join(["a,b", *lines]).encode()
    assert read_labels(data, form, ("0", "1", "2")).tolist() == [1, 2, 0] * 4


def test_probabilities() -> None:
    data = "id;año;cat;dog, big\n7;0,2;0,3;0,5\n8;1;0;0\n9;0,333;0,333;0,333\n".encode()
    answers = read_answers(data, FORM, CLASSES)
    assert not answers.sure
    expected = np.array([[0, 0, 1], [1 / 3] * 3, [0.3, 0.5, 0.2]])
    np.testing.assert_allclose(answers.proba, expected, atol=1e-6)
    classes = read_answers(b"id,label\n7,cat\n8,cat\n9,cat\n", FORM, CLASSES)
    assert classes.sure
    assert classes.proba.tolist() == [[1, 0, 0]] * 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("9,0.5,0.5,0.5", "Line 4: the probabilities of all classes must sum to 1"),
        ("9,0.5,x,0.5", "Line 4: expected a probability"),
        ("9,nan,0.5,0.5", "Line 4: expected a probability"),
        ("9,-1,1,1", "Line 4: expected a probability"),
        ("9,0.5,0.5", "Line 4: expected a probability"),
    ],
)
def test_bad_probabilities(row: str, said: str) -> None:
    data = f'id,cat,"dog, big",año\n7,1,0,0\n8,1,0,0\n{row}\n'.encode()
    with pytest.raises(CompetitionError) as caught:
        read_answers(data, FORM, CLASSES)
    assert said in str(caught.value)
