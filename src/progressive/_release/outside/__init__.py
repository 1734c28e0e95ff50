"""What people and other programs do to a release from outside: decide, sweep, give it up.

Floor 5. Under the protocol of any driver: the target is taken before anything is written.
"""
