"""Apps in this process: a user's own function is optimized where it is called.

Stands beside ``cli``, on top of everything; may import all of the package but ``cli``.
"""
