"""How candidates are checked, measured and chosen; knows nothing of how a prompt is written.

May import the domain and ``optimizers.protocol`` and ``settings``; no optimizer.
"""
