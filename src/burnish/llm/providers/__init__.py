"""One file for each kind of model server, and the registry that knows them all.

A provider makes one request and reads one answer; retries, limits and money are the gateway's.
"""
