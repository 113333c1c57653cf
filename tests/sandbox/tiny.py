"""A chat in memory that fits the protocol: a bot that does what its buttons say, at once."""

import itertools
from dataclasses import replace

from deskbell.sandbox.chat import Card, Heard, Refused
from deskbell.sandbox.faults import Faults

BUTTONS = ("Acknowledge", "Reassign\u2026", "Escalate", "Snooze", "Resolve\u2026", "Undo")


class Tiny:
    def __init__(self, name, clock, ledger, pulse):
        self.name, self.clock, self.ledger, self.pulse = name, clock, ledger, pulse
        self.faults = Faults(clock)
        self.sabotage, self.url, self.desk_url = False, "", ""
        self.live, self.hidden, self.done, self.said, self.twice = {}, [], [], [], []
        self.verbs = {"shout": self.shout}
        self._ids = itertools.count(1)

    def add_routes(self, router):
        pass

    async def close(self):
        pass

    def no_limits(self):
        pass

    def state(self):
        return {"cards": [card.text for card in self.cards()]}

    async def shout(self, asked):
        return asked["words"].upper()

    # what the bot does

    def post(self, ref, text="", room="hall"):
        card = Card(self.name, room, str(next(self._ids)), ref, f"{text} {ref}", BUTTONS)
        self.ledger.note(self.name, "posted", ref=ref)
        if self.sabotage and card.id == "2":
            self.hidden.append(card)
            return card
        self.live[card.id] = card
        self.ledger.seen(card.text)
        return card

    def edit(self, card, text):
        self.live[card.id] = replace(self.live[card.id], text=text, edits=card.edits + 1)
        self.ledger.note(self.name, "edited", ref=card.ref)
        self.ledger.redrawn((self.name, card.room, card.id), card.ref)

    # what people see and do

    def cards(self, room=""):
        return [card for card in self.live.values() if room in ("", card.room)]

    def texts(self, room):
        return [card.text for card in self.cards(room)]

    def private(self, who):
        return []

    def dropped(self):
        return self.hidden

    def duplicates(self):
        return self.twice

    async def press(self, who, card, label, *answers, changes=True):
        if not any(words.startswith(label) for words in card.buttons):
            raise Refused(label)
        self.done.append((who, label, *answers))
        self.ledger.note(self.name, "tap", who=who)
        if changes:
            self.ledger.pressed(card.ref)
            self.edit(card, f"{card.ref} {label}")
        return Heard(private=[label])

    async def press_private(self, who, label, *answers):
        raise Refused(label)

    async def say(self, who, room, text):
        self.said.append((who, room, text))
        self.ledger.note(self.name, "command", who=who)
        return Heard(private=["done"])

    def delete_by_hand(self, card):
        del self.live[card.id]

    def remove_bot(self, room):
        self.removed = room

    def add_bot(self, room):
        self.removed = ""
