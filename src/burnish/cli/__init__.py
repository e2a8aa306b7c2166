"""The ``burnish`` command: words into use cases, and answers as a person reads them.

May import everything; nothing imports it.
"""
