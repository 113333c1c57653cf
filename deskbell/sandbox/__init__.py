"""Loopback stand-ins of the vendors, and the page that shows a day at the firm.

Nothing here knows Deskbell: it imports the standard library, aiohttp and orjson, refuses what the vendors refuse, and
keeps a ledger of its own from which the verdicts of tests and of the demo come.
"""
