"""What ClickSend says when it is asked: the envelope around each answer, receipts, replies.

https://developers.clicksend.com/docs/messaging/sms/other/sms-delivery-receipts
"""

from typing import Any

from deskbell.core.heard import Heard, Waiting, Words
from deskbell.net.answers import Reply
from deskbell.vendors.told import phone, receipt

STATES = {"200": "sent", "201": "delivered", "301": "failed"}


def state(reply: Reply, _waiting: Waiting, _conf: Any) -> list[Heard]:
    one = reply.data["data"]
    return receipt(one["message_id"], STATES.get(str(one["status_code"]), ""), str(one.get("error_code") or ""))


def inbox(reply: Reply, _waiting: Waiting, _conf: Any) -> list[Heard]:
    """Whatever nobody has marked as read; what was heard before does nothing again."""
    rows = reply.data["data"]["data"]
    about = (str(row.get("original_message_id") or "") for row in rows)
    return [Words(phone(row["from"]), row["body"], row["message_id"], to) for row, to in zip(rows, about, strict=True)]
