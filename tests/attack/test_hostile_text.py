"""Text from strangers, in every field, end to end: nothing of it comes alive, nothing breaks, nothing is too long."""

import re
import time
from typing import Any

import pytest

from tests.town import Town

JOBS, TICKETS = "C0DISPATCH", "C0SUPPORT"
ON_DUTY = {"@U0ANA", "@U0BEN"}  # whom the policies mention; no hostile text names them
HOSTILE = {
    "everybody": "<!channel> <!here> <!everyone> @channel @everyone @here",
    "somebody": "<@U0CARLA> <@U0MALLORY|boss> <!subteam^S0ONCALL> <#C0OPS>",
    "template": "{{7*191}} {{7*7}} {% for x in range(9) %}x{% endfor %} ${7*191} #{7*191} %(x)s {0}",
    "markup": "*bold* _it_ ~no~ `code` ```block``` > quote\n* list\n# title",
    "link": "<https://evil.example|https://example.org> [click](javascript:alert(1)) <javascript:alert(1)|x>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)> &lt;!channel&gt; &amp;lt;!here&amp;gt;",
    "right to left": "\u202egnp.exe\u202c \u2066abc\u2069 \u200f\u061c \u05d0\u05d1",
    "invisible": "Pu\u200bmp\u200d \ufeff\u2060\u00ad leak \U000e0041",
    "control": "a\x00b\x07c\x1b[31mred\x1b[0m\x7f\x85\r\nNext: header",
    "surrogates": "half \ud800 and \udfff of it",
    "flood": "Z" + "\u0335\u0489\u0300" * 400,
    "sql": "'; DROP TABLE alerts; -- \" OR 1=1 /*",
    "path": "../../../../etc/passwd\x00.png",
    "megabyte": "Line 3 down " + "x" * 1_000_000,
    "spaces": " \t\n \u00a0 \u2003 ",
    "emoji": ":boom: :everyone: \U0001f4a5" * 50,
}
INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


async def quiet(town: Town) -> None:
    await town.until_async(town.daemon.pending, 0, 60)


def tickets(town: Town) -> dict[str, Any]:
    """A ticket a text, with the text wherever a stranger can write."""
    now, rows = time.time(), {}
    for name, text in HOSTILE.items():
        rows[name] = town.sandbox.freshdesk.tickets.add(
            text,
            description=text,
            requester=(text, text[:100]),
            created=now - 600,
            updated=now,
            priority=4,
            type=text[:200],
            tags=[text[:30]],
            custom_fields={"cf_site": text},
        )
    return rows


def jobs(town: Town) -> dict[str, Any]:
    start, rows = time.time() - 31 * 60, {}
    for number, (name, text) in enumerate(HOSTILE.items(), 4711):
        rows[name] = town.sandbox.fieldservice.add(
            start=start,
            end=start + 5400,
            technician=1,
            id=number,
            title=text,
            summary=text,
            customer={"name": text, "phone": text},
            site={"name": text, "address": text, "timezone": text[:40], "lat": None, "lng": None},
            equipment=text,
            cancel_reason=text,
        )
        rows[name]["technician"] = {"id": 1, "name": text, "email": text[:50], "phone": text[:50]}
    return rows


def judge(town: Town) -> None:
    """What is asserted of every message that anybody can see."""
    for room in (JOBS, TICKETS, "C0OPS"):
        for message in town.slack.messages(room, replies=True):
            text = message.as_text()
            assert set(message.mentions) <= ON_DUTY, text
            assert not INVISIBLE.search(text), repr(text)
            assert "1337" not in text, "a template was carried out"
            assert len(message.text.splitlines()[0]) <= 200, text
            links = [url for block in message.all_blocks() for url in urls(block)]
            assert all(url.startswith(("http://127.0.0.1", "https://")) for url in links), links
            assert not any("evil" in url for url in links), links
    for message in town.slack.ephemerals():
        assert set(message.mentions) <= ON_DUTY
    refused = [
        entry.what
        for entry in town.sandbox.ledger.of("slack", "rejected")
        if entry.what["method"] != "users.lookupByEmail"
    ]
    assert not refused, "Slack took everything as it was sent"


def urls(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["url"]] if isinstance(value.get("url"), str) else []
        return own + [url for part in value.values() for url in urls(part)]
    return [url for part in value for url in urls(part)] if isinstance(value, list) else []


async def test_the_judge_sees_what_is_alive(town: Town) -> None:
    for text in ("<!channel> look", "<@U0CARLA>", "a\u202eb", "7*191 is 1337"):
        message = town.slack.workspace.say(JOBS, "U0DESKBELL", text)
        with pytest.raises(AssertionError):
            judge(town)
        message.deleted = True
    judge(town)


async def test_hostile_text_in_every_field_of_tickets_and_jobs(town: Town) -> None:
    rows, works = tickets(town), jobs(town)
    for ticket in rows.values():
        await town.card(str(ticket.id), TICKETS)
    for work in works.values():
        await town.card(work["number"], JOBS)
    await quiet(town)
    judge(town)
    assert "{{7*191}} {{7*7}}" in town.find_card(str(rows["template"].id), TICKETS).as_text(), "shown as it was written"
    for name, ticket in rows.items():
        card = town.find_card(str(ticket.id), TICKETS)
        for line in (f"case {ticket.id}", f"show {card.event[1]['alert']}"):
            said = await town.slack.type("U0ANA", TICKETS, f"/desk {line}")
            assert said.acked, f"{name}: {line}"
            assert str(ticket.id) in said.text, f"{name}: {line}"
        assert (await town.slack.tap("U0ANA", TICKETS, card.ts, "desk.ack")).acked
        await town.shows(str(ticket.id), "Acknowledged by Ana Ruiz", TICKETS)
    for line in ("list", "list open 2", "job 4711", "list source fieldservice"):
        assert (await town.slack.type("U0ANA", JOBS, f"/desk {line}")).text, line
    await quiet(town)
    judge(town)
    assert all(any("acknowledged" in note["body_text"] for note in row.conversations) for row in rows.values())
    assert (await town.daemon.verify_audit())[0]
    tail = await town.daemon.desk.audit_tail(1000, 0)
    assert not INVISIBLE.search(str(tail["entries"]).replace("\\u", ""))


async def test_a_hostile_word_for_a_status_is_told_and_stays_a_word(town: Town) -> None:
    job = town.late_job()
    await town.card("J-4711")
    town.sandbox.fieldservice.change(job["id"], status="<!channel> {{7*191}} \u202e")
    card = await town.card("which no map in config.toml knows")
    assert not set(card.mentions) - ON_DUTY
    await quiet(town)
    judge(town)


TYPED = [
    "",
    " ",
    "<!channel>",
    "@everyone",
    "{{7*191}}",
    "ack",
    "ack D-999999",
    "ack D-77; DROP TABLE alerts",
    "ack -77",
    "ack 99999999999999999999999999",
    "ack \u0661",
    "reassign {ref} <@U0MALLORY>",
    "reassign {ref} @nobody",
    "reassign {ref} ../../etc/passwd",
    "snooze {ref} 99999d",
    "snooze {ref} -5m",
    "snooze {ref} " + "9" * 2000 + "m",
    "resolve {ref}",
    "case ' OR 1=1 --",
    "case " + "4" * 2900,
    "show <script>",
    "list " + "\u202e" * 50,
    "new P1 " + "x" * 2900,
    "help " + "{" * 100,
    "x" * 3900,
    "note {ref} " + "\u0335" * 1000,
]


async def test_hostile_words_typed_are_answered_in_words(town: Town) -> None:
    town.late_job()
    await town.card("J-4711")
    before = await town.alert("J-4711")
    for line in TYPED:
        said = await town.slack.type(
            "U0ANA", JOBS, "/desk " + line.format(ref=before.ref) if "{ref}" in line else f"/desk {line}"
        )
        assert said.acked, repr(line[:50])
        assert said.text, repr(line[:50])
        assert "Traceback" not in said.text
    await quiet(town)
    judge(town)
    after = await town.alert("J-4711")
    assert (after.status, after.assignee, after.snoozed_until) == (before.status, "", None)


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_reasons_in_a_form(town: Town, name: str) -> None:
    """What is typed into a form comes as it is: Slack escapes nothing there."""
    ticket = town.overdue_ticket()
    card = await town.card(str(ticket.id), TICKETS)
    await quiet(town)
    tapped = await town.slack.tap("U0ANA", TICKETS, card.ts, "desk.resolve", changes=False)
    view = await tapped.wait_view()
    done = await town.slack.submit("U0ANA", view.id, {"answer": "x" + HOSTILE[name][:2900]}, careful=False)
    assert done.acked
    assert done.closed or done.errors
    if done.closed:
        await town.shows(str(ticket.id), "Resolved by Ana Ruiz", TICKETS)
        await town.until(lambda: ticket.conversations)
        assert "<script" not in ticket.conversations[0]["body"]
    await quiet(town)
    judge(town)
    assert (await town.daemon.verify_audit())[0]
