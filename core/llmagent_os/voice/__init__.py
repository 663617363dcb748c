"""Voice: turns recordings into words, and words into sound.

Importing this package loads no engine. An engine is loaded when the first recording comes, or the first reply is to be
spoken.
"""
