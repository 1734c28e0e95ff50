"""A release as a whole: its document, the parts that carry it out, and what they would do.

Floor 5: the one place where documents, runners and adapters meet.
"""
