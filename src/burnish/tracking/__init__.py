"""MLflow as Burnish sees it: prompts, datasets, runs, artifacts, traces. It writes no registry of its own.

May import the domain, ``errors``, ``redaction`` and ``mlflow_import``; others know only ``protocol``.
"""
