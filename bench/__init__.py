"""How fast Paperboy sends: `python -m bench --help`. Measurements for people; no test ever waits
for a time.
"""
