"""What customers of a bicycle shop ask, and what its handbook says; written for this example."""

from __future__ import annotations

HANDBOOK: dict[str, dict[str, str]] = {
    "warranty": {
        "How long is the frame covered?": "10 years",
        "And the brakes, how long are they covered?": "2 years",
        "Who pays when the fork breaks after a year?": "the shop",
        "Is rust covered?": "no",
        "Do I need the receipt for a claim?": "yes",
        "Does it still hold when I sell the bicycle?": "no",
        "How long is a battery covered?": "3 years",
        "Where do I send a broken part?": "to the shop",
    },
    "returns": {
        "How long can I bring a helmet back?": "30 days",
        "Can I return a tyre that I have used?": "no",
        "When do I get my money?": "within 5 days",
        "Who pays for sending it back?": "the customer",
        "Can I swap a jersey for another size?": "yes",
        "Do I need the box?": "no",
        "What about things on sale?": "no returns",
        "Can I return a gift card?": "no",
    },
    "delivery": {
        "How long does a bicycle take to arrive?": "4 days",
        "What does sending a small parcel cost?": "5 euros",
        "Do you ship to islands?": "yes",
        "Can somebody else take it in?": "yes",
        "At what hour does the van come?": "before noon",
        "Is it put together when it comes?": "nearly",
        "Do you ship on Saturdays?": "no",
        "From what sum on is sending free?": "50 euros",
    },
    "repair": {
        "What does a puncture cost?": "15 euros",
        "How long does an inspection take?": "1 day",
        "Do you mend bicycles from other shops?": "yes",
        "Can I wait while a chain is changed?": "yes",
        "What does a new chain cost with work?": "40 euros",
        "Do you true wheels?": "yes",
        "Do I get another bicycle meanwhile?": "yes",
        "Must I make an appointment?": "no",
    },
    "rental": {
        "What does a day with a city bicycle cost?": "12 euros",
        "And a cargo bicycle for a day?": "30 euros",
        "How old must one be to rent?": "16",
        "What deposit do you take?": "100 euros",
        "Is a lock included?": "yes",
        "Can I keep it over night?": "yes",
        "What if it is stolen?": "call the shop",
        "Do you rent child seats?": "yes",
    },
    "hours": {
        "When do you open on weekdays?": "at 9",
        "Until when can I come on Saturdays?": "until 4",
        "Are you open on Sundays?": "no",
        "When does the repair desk close?": "at 6",
        "Is there a lunch break?": "no",
        "Are you there on holidays?": "no",
        "When can I reach you by phone?": "until 7",
        "From when on can I pick up a rental?": "at 8",
    },
}

RECORDS = [
    {"inputs": {"question": question}, "expectations": {"expected_response": answer}}
    for number in range(8)
    for pages in HANDBOOK.values()
    for question, answer in [list(pages.items())[number]]
]
"""The data as MLflow's ``optimize_prompts`` takes it, all topics alike."""


def find_pages(topic: str) -> str:
    """The retriever: what the handbook says on a topic; nothing where there is no such topic."""
    pages = HANDBOOK.get(topic, {})
    return "\n".join(f"{question} {answer}." for question, answer in pages.items())
