"""A server that misbehaves as it is told, counts what it is asked, and keeps every byte.

Cassettes prove how replies are read; they cannot express a reset, a drip or a hang. Everything that is promised of
those is proved against this server, over real sockets on the loopback.
"""
