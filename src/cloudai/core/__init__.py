"""Flows, the engine around them and the two drivers: how a call is carried out, whoever answers it."""
