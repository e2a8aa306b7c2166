"""The user's own files: a prompt, and the records to measure it on.

May import the domain, ``errors`` and ``tracking``'s names; ``api`` and ``cli`` read files by it.
"""

from burnish.files.prompt import read_prompt
from burnish.files.records import read_records

__all__ = ["read_prompt", "read_records"]
