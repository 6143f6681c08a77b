"""Fault experiments: real workers, scheduler, PostgreSQL and Redis, a scripted provider, and
everything that can go wrong.
"""
