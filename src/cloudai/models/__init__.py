"""Define the results of the operations, as frozen pydantic models."""
