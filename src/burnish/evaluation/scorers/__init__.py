"""Scorers: one idea a file. ``registry.make_scorers`` turns what a user wrote into them."""
