"""Talking HTTP with care: the engine, the limits, the guard, redaction and verifiers."""
