"""GEPA: reflective evolution of prompts. The only place that imports the library ``gepa``, in ``engine``."""
