"""What the operations return: frozen pydantic models."""
