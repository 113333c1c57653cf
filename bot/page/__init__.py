"""The page behind a signed link, for chats that can't send anything back: an alert and its buttons, in any browser."""

from bot.page.routes import Page, linker

__all__ = ["Page", "linker"]
