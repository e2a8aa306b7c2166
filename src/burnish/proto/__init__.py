"""The wire: the messages, what is generated from them (``make protos``), and domain values from and to them.

May import the domain; ``api``, ``sdk`` and ``cli`` import it.
"""
