"""Who asks: the sources, their order, and what becomes of the URL."""

from __future__ import annotations

import base64

import pytest

from burnish.errors import InvalidInput
from burnish.sdk.credentials import split_credentials

URL = "http://h:5000/x"


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("url", "token", "environment", "headers"),
    [
        (URL, None, {}, {}),
        (URL, "t", {"BURNISH_TOKEN": "other"}, {"Authorization": "Bearer t"}),
        (URL, None, {"BURNISH_TOKEN": "t", "BURNISH_USERNAME": "ana"}, {"Authorization": "Bearer t"}),
        (URL, None, {"BURNISH_USERNAME": "ana", "BURNISH_PASSWORD": "p:ä"}, basic("ana:p:ä")),
        ("http://ana:p%3A%40%C3%A4@h:5000/x/", None, {"BURNISH_TOKEN": "t"}, basic("ana:p:@ä")),
        (URL, None, {"MLFLOW_WORKSPACE": " team-a "}, {"X-MLFLOW-WORKSPACE": "team-a"}),
        (
            URL,
            None,
            {"BURNISH_WORKSPACE": "team-b", "MLFLOW_WORKSPACE": "team-a"},
            {"X-MLFLOW-WORKSPACE": "team-b"},
        ),
    ],
)
def test_who_asks(url: str, token: str | None, environment: dict[str, str], headers: dict[str, str]) -> None:
    assert split_credentials(url, token, environment) == (URL, headers)


@pytest.mark.parametrize("workspace", ["a\nb", "ä"])
def test_a_workspace_that_no_header_holds(workspace: str) -> None:
    with pytest.raises(InvalidInput, match="BURNISH_WORKSPACE"):
        split_credentials(URL, None, {"BURNISH_WORKSPACE": workspace})
