"""A small world for the page: support tickets that a scripted model routes to teams.

The target (any name with ``mini`` in it) answers well where the prompt has a rule for the team; the
reflecting model writes rules for the tickets that it is shown failures of, as whole prompts or as edits,
of which some do nothing and one does harm. Answers are functions of the
request alone.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from burnish.llm.protocol import Request

PROMPT = "Which team should handle this ticket?\n\nTicket: {{ticket}}"
CHAT = [
    {"role": "system", "content": "You help the support desk."},
    {"role": "user", "content": "Which team should handle this ticket?\n\n{{ticket}}"},
]
TEAMS = {
    "billing": ("an invoice was charged twice", "the refund has not arrived", "our VAT number is missing"),
    "access": ("nobody can sign in since noon", "the password mail never comes", "SSO loops for ever"),
    "defect": ("the export stops at 99 %", "the app crashes on start", "totals are wrong on page two"),
    "shipping": ("the parcel went to a wrong address", "the courier lost our box", "tracking says nothing"),
    "sales": ("we want a quote for 200 seats", "can we have a longer trial", "is there a plan for schools"),
}
RULES = {
    "billing": "Invoices, charges, refunds and tax numbers go to billing.",
    "access": "Sign-in, passwords and SSO go to access.",
    "defect": "Crashes, wrong totals and broken exports go to defect.",
    "shipping": "Parcels, couriers and addresses go to shipping.",
    "sales": "Quotes, trials and plans go to sales.",
}
_ONE_WORD = "Answer with the team's name only."
_IDLE = ("Read the ticket carefully before you answer.", "Customers abroad count as much as those at home.")
_HARMFUL = "Say in a sentence why it is this team."
_PLACES = ("Oslo", "Lyon", "Porto", "Graz", "Leeds", "Turin", "Ghent", "Bern", "Malmö", "Gdańsk")
_EDITS = re.compile(r'<(edit[^ >]*) kind="')
_PROMPT = re.compile(r"<prompt[^>]*>\n?(?:<message[^>]*>\n?)?|```[a-z]*\n")


def records(count: int) -> list[dict[str, Any]]:
    """Tickets as MLflow's datasets have them, all teams alike."""
    teams = list(TEAMS)
    found = []
    for number in range(count):
        team = teams[number % len(teams)]
        what = TEAMS[team][number // len(teams) % len(TEAMS[team])]
        ticket = f"Customer {1000 + 7 * number} in {_PLACES[number % len(_PLACES)]}: {what}."
        found.append({"inputs": {"ticket": ticket}, "expectations": {"expected_response": team}})
    return found


def many_candidates(count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the API answers of a job with so many: its candidates, and their evaluations on 100 examples."""
    candidates = [
        {
            "candidate_id": f"c{number}",
            "number": number,
            "status": "SOURCE" if number == 0 else "ACCEPTED" if number % 7 == 0 else "REJECTED",
            "parents": [f"c{number // 3}"] if number else [],
            "origin": f"rewrite {number}",
            "scores": {"aggregate": (number % 100) / 100, "exact_match": (number % 100) / 100},
            "objectives": {"prompt_tokens": 20 + number % 300},
        }
        for number in range(count)
    ]
    rows = [{"candidate_id": f"c{n}", "scores": [(n * e % 3) / 2 for e in range(100)]} for n in range(count)]
    return {"candidates": candidates}, {"example_ids": [f"e{number}" for number in range(100)], "rows": rows}


def answer(request: Request) -> str:
    """The script."""
    text = "\n\n".join(message.content for message in request.messages)
    return _route(text) if "mini" in request.model else _rewrite(text)


def _route(text: str) -> str:
    team = _team_of(text)
    if team is None:
        return "I would need to see the ticket."
    if _HARMFUL in text and _chance(text[-160:], "why") < 0.5:
        return f"It is {team}, since the ticket says so."
    share = 0.97 if RULES[team] in text else 0.6 if _ONE_WORD in text else 0.25
    if _chance(text[-160:], team) < share:
        return team if _ONE_WORD in text or any(rule in text for rule in RULES.values()) else team.title()
    return f"This sounds urgent. I would hand it to the {'general' if share < 0.5 else 'defect'} desk."


def _rewrite(text: str) -> str:
    if asked := _EDITS.search(text):
        return _edits(text, asked.group(1))
    start = _PROMPT.search(text)
    if start is None:
        return "There is no prompt here."
    tagged = start.group().startswith("<")
    end = text.find("</prompt>" if tagged else "\n```", start.end())
    body = text[start.end() : end if end >= 0 else None]
    shown = {team for team in TEAMS if any(what in text[end:] for what in TEAMS[team])}
    new = [team for team in sorted(shown) if RULES[team] not in body and _chance(team, text) < 0.45]
    lines = [RULES[team] for team in new[:2]]
    if _ONE_WORD not in body and _chance("one", text) < 0.6:
        lines.append(_ONE_WORD)
    closing = "\n</prompt>" if tagged else "\n```"
    return start.group() + "\n".join([*lines, body.strip()]) + closing


def _edits(text: str, tag: str) -> str:
    shown = [RULES[team] for team in TEAMS if any(what in text for what in TEAMS[team])]
    new = [idea for idea in (*shown, _ONE_WORD, *_IDLE, _HARMFUL) if idea not in text]
    chosen = sorted(new, key=lambda idea: _chance(idea, text))[:2]
    return "\n".join(f'<{tag} kind="rule">{idea}</{tag}>' for idea in chosen)


def _team_of(text: str) -> str | None:
    positions = [(text.rfind(what), team) for team, whats in TEAMS.items() for what in whats]
    position, team = max(positions)
    return team if position >= 0 else None


def _chance(*parts: str) -> float:
    return int(hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8], 16) / 16**8
