"""A vendor met from several sides keeps its host, auth, limits, error codes and signature here, once."""
