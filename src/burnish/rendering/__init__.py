"""Rendering of Jinja templates, in a process of its own. May import the domain only."""
