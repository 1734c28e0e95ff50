"""What was released, as people read it: the table of `history`, the page of `explain`.

Floor 5, pure: records in, text out; the present instant comes in as well.
"""
