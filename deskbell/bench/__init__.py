"""`deskbell bench`: how fast we are, beside how fast this very machine could be at all, measured in the same run.

Each measure is one file with a `run(ground)`. Programs that stand on the other side of a socket (the sink, the floor)
are processes of their own, so that nobody's Python waits for anybody else's.
"""
