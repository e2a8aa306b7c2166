"""Judges: MLflow's scorers that ask a model, with every call going through the job's gateway."""
