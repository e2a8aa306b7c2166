"""Quality of what searches find, against the calls they spend: ``python -m bench quality``.

Simulated worlds, where the true score of every prompt is known, and tables of a real model's answers.
"""

from bench.quality.report import measure

__all__ = ["measure"]
