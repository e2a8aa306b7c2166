"""The search algorithms, one file or folder each, and what they share: ``search/`` and ``prompts/``.

They import the domain, the siblings' protocols and each other's shared parts; never stores, HTTP or MLflow.
"""
