"""Loopback stand-ins of the vendors, and the demo page. It imports nothing of ours."""
