"""Who hears whom: channels, bridges, Local pairs, sources and taps as one graph.

The graph is control's.  One pure function compiles it to edge rows of the voice
plane; each edit sends only the difference.  Bridge, transfer, hold, music,
spying and recording are edits of this graph and nothing else.
"""
