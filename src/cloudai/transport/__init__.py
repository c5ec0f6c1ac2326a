"""This package sends requests over the network with httpx2, which no module outside it imports."""
