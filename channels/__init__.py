"""Outbound: the chats, and one small file for every other vendor."""
