"""The core carries out a call to any provider: a flow describes it, the engine surrounds it, a driver does the I/O."""
