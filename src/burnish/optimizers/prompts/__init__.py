"""The text of prompts: their parts, layouts, demonstrations, and rewrites by the reflection model.

May import the domain, ``optimizers.protocol`` and ``settings``, and ``search.validator``; no optimizer.
"""
