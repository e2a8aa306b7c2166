"""Who asks, and what they may do: MLflow's own rules where it has users, named tokens, or everybody.

``protocol`` says what the API asks; ``mlflow`` asks MLflow in this process or elsewhere, ``tokens`` a file.
May import ``domain``, ``errors``, ``mlflow_import`` and the names in ``tracking``.
"""
