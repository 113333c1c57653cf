"""Telegram's Bot API on the loopback: https://core.telegram.org/bots/api"""
