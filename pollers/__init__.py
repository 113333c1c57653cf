"""Inbound: the polling loop and one file a source."""
