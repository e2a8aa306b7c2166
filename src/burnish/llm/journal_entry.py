"""How a finished call stands in the journal, and how the journal finds it again."""

from __future__ import annotations

from burnish.domain.records import CallKey, JournalEntry
from burnish.llm.protocol import AnyRequest, Completion, Purpose


def call_key(request: AnyRequest, purpose: Purpose) -> CallKey:
    """What a call *is*, never when it was made: the journal of every job finds its calls by this."""
    return CallKey(
        role=purpose.role,
        candidate_id=purpose.candidate_id,
        example_id=purpose.example_id,
        phase=purpose.phase,
        sample=purpose.sample,
        request_hash=request.digest,
    )


def entry_of(request: AnyRequest, purpose: Purpose, completion: Completion) -> JournalEntry:
    """The finished call as the journal keeps it."""
    return JournalEntry(
        key=call_key(request, purpose),
        text=completion.text,
        finish_reason=completion.finish_reason,
        usage=completion.usage,
        run=completion.run,
    )


def completion_of(entry: JournalEntry) -> Completion:
    """The finished call as its caller gets it again, paid already."""
    return Completion(
        text=entry.text,
        usage=entry.usage,
        finish_reason=entry.finish_reason,
        replayed=True,
        run=entry.run,
    )
