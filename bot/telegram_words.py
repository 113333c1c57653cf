"""What Deskbell says in Telegram of its own accord: short, polite, and what to do."""

from deskbell.core.access import Person
from deskbell.core.card import Reply

CONNECT = "connect"  # what links to the private chat carry: whoever comes by them is to be connected
OPEN = "open"  # or only to be shown what waits for them

ANONYMOUS = (
    "You write in the name of the group, so I can't see who you are, and nothing was done."
    " Switch off “Remain anonymous” in your admin rights and send it again."
)
FORWARDED = "I don't take forwarded messages or those of bots. Please type it yourself; nothing was done."
NOBODY = {"anonymous": ANONYMOUS, "forwarded": FORWARDED, "bot": FORWARDED}
STALE = (
    "That was typed while I was away, too long ago to act on it now. Nothing was done; send it again if it still holds."
)
NOT_A_ROOM = "This is none of the rooms that Deskbell answers in, so nothing was done. Ask an administrator to add it."
EMPTY = "That is empty, so nothing was done. Please write it in words."
IN_PRIVATE = "I sent you the answer in private."
ONLY_PRIVATE = "I can tell you that only in private. Open our chat and press Start."


def not_asked(verb: str, ref: str, command: str) -> str:
    return f"I could not ask you just now. Tap again, or type {command} {verb} {ref} \u2026"


def already(name: str, command: str) -> Reply:
    """A link must not change who somebody is: whoever made it may be the one that they would become."""
    return Reply(
        lines=(
            f"You are {name} here already, so that link changed nothing.",
            f"To be somebody else from now on, type {command} link and the code.",
        )
    )


def connect(bot: str, command: str) -> str:
    """Fits an alert box: 200 characters, of which a bot's name may take 32."""
    return (
        f"I don't know you here yet, so it waits. Type {command} link in a chat that knows you, and send me the code in"
        f" private: t.me/{bot}"
    )


def how_to_connect(account: str, command: str) -> Reply:
    return Reply(
        title="Not connected yet",
        lines=(
            "I don't know yet who you are here, so I can't show or change anything for you.",
            f"Type {command} link in a chat that knows you. It gives you a code: send me that code here.",
            f"Or ask a Deskbell admin to link you. Your account number is {account}.",
        ),
    )


def greeting(person: Person, command: str) -> Reply:
    return Reply(
        title=f"Connected as {person.name}",
        lines=("I write to you here when something needs you, and you can answer here as well.",),
        footer=f"{command} help lists what you can ask me.",
    )
