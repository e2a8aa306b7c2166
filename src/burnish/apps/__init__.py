"""Apps in this process: a user's own function is optimized where it is called.

Stands below ``cli`` alone: may import all of the package but that.
"""
