"""The two drivers carry out the effects of a program, one by blocking and one by awaiting.

Nothing else in cloudai knows which of the two it runs under. Each is imported by itself, so that a program that blocks
never loads asyncio.
"""
