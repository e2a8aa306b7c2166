"""From a request to a plan: ``resolver`` reads what the request names, once; ``plan`` needs nothing outside.

May be imported by service, worker and what is above them.
"""
