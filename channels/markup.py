"""Text of strangers inside a vendor's markup: it stays text."""

import re
from html import escape

from channels.service import Notice
from deskbell.core.sizes import Size, fit

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~]|^\s*[-+#]", re.MULTILINE)


def html(text: str) -> str:
    """As HTML: nothing in it is a tag, line breaks stay."""
    return escape(text).replace("\n", "<br>")


def short_html(text: str, notice: Notice, most: int = 8000) -> str:
    """The same, cut to so many characters before it becomes HTML. The notice's ref and links stay whole."""
    return html(fit(text, Size(most), (notice.link, notice.url, notice.ref)))


def markdown(text: str) -> str:
    """As Markdown: nothing in it is a link, a list or emphasis."""
    return _MARKDOWN.sub(lambda match: match[0][:-1] + "\\" + match[0][-1], text)
