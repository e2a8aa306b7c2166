"""Use cases, one verb each: submit, get, search, cancel, delete, resume, estimate, promote, register.

May import everything below ``api``, siblings by their ``protocol`` where they have one.
"""
