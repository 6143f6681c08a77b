"""What can go wrong: each harm begins with a planned edition and running processes, does its
worst, and leaves them to recover.
"""
