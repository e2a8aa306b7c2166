"""A scripted model with faults on request, in this process and behind HTTP, and the contract of providers.

Shipped for tests, demonstrations and benchmarks; only ``contract`` imports pytest.
"""
