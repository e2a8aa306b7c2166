"""Searching jobs: filters, orders, pages.

A filter compares fields with values: ``status = 'COMPLETED' AND (tags.team IN ('a', 'b') OR NOT
final_eval_scores.aggregate >= 0.8)``. ``grammar.lark`` has the grammar, ``fields`` the fields,
``conditions`` what they mean in SQL, ``meaning`` the same in plain Python. ``merge`` brings jobs that are
kept elsewhere into a page.
"""
