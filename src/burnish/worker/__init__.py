"""One attempt at a job: ``pipeline`` is the story, ``attempt`` watches over it, ``finalizer`` ends it.

May import everything below ``api`` but ``service``.
"""
