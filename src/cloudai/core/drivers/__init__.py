"""The two drivers carry out a program's effects, one blocking, one awaiting.

Nothing else in cloudai knows which of the two it runs under. Each is imported by itself: a program that blocks never
loads asyncio.
"""
