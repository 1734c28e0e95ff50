"""The command line: options in, exit codes and words out.

Floor 5. `main.py` names the commands; each is a module of its own and loads what it needs.
"""
