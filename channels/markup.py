"""Text of strangers inside a vendor's markup: it stays text."""

import re
from html import escape

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~]|^\s*[-+#]", re.MULTILINE)


def html(text: str) -> str:
    """As HTML: nothing in it is a tag, line breaks stay."""
    return escape(text).replace("\n", "<br>")


def markdown(text: str) -> str:
    """As Markdown: nothing in it is a link, a list or emphasis."""
    return _MARKDOWN.sub(lambda match: match[0][:-1] + "\\" + match[0][-1], text)
