"""One pure renderer a chat: a card in, that chat's own format out."""
