"""Inbound: the chat commands, the HTTP server and one gateway a chat."""
