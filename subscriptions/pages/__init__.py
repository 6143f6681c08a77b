"""The pages that need only the reader: signing up, confirming, preferences, leaving. GET and
HEAD change nothing on any of them.
"""
