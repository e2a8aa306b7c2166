"""The client: jobs on a Burnish server, over HTTP only.

May import ``proto``, the domain and ``errors``.
"""
