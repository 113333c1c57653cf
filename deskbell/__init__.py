"""Deskbell: what happens on your service desks, told in your chats, and the answers carried back."""
