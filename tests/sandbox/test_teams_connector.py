"""The stand-in of Teams refuses what Teams refuses: each documented limit kept once and broken once."""

import aiohttp
import jwt
import pytest
from aiohttp import web
from jwt import PyJWK

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.cards import check_card, shown_actions
from deskbell.sandbox.teams.stand_in import TeamsStandIn
from deskbell.sandbox.teams.tenant import BOT, CARD_TYPE, NOT_INSTALLED, user_id

ROOM = credentials.TEAMS_ROOMS["dispatch"]
SCOPE = "https://api.botframework.com/.default"
LOGIN = {
    "grant_type": "client_credentials",
    "client_id": credentials.TEAMS_APP,
    "client_secret": credentials.TEAMS_SECRET,
    "scope": SCOPE,
}


@pytest.fixture
async def teams():
    clock, pulse = Clock(), Pulse()
    stand_in = TeamsStandIn(clock, Ledger(clock, pulse), pulse)
    app = web.Application()
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


@pytest.fixture
async def session(teams):
    token = teams.tokens.grant()["access_token"]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        yield session


@pytest.fixture
def call(teams, session):
    async def made(method, path, body=None):
        async with session.request(method, f"{teams.url}/teams/v3/conversations{path}", json=body) as answer:
            data = await answer.json() if answer.content_type == "application/json" else {}
            return answer.status, (data.get("error") or {}).get("code", ""), data, answer.headers

    return made


def thread(activity=None):
    return {
        "isGroup": True,
        "bot": {"id": BOT},
        "channelData": {"channel": {"id": ROOM}},
        "activity": activity or {"type": "message", "text": "Hello"},
    }


def with_card(**more):
    card = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "D-1 Hello"}]} | more
    return {"type": "message", "attachments": [{"contentType": CARD_TYPE, "content": card}]}


# ------------------------------------------------------------------ login


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({}, 200, None),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "other"}, 400, "unauthorized_client"),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_token_is_for_who_has_the_secret(teams, session, change, status, error):
    url = f"{teams.url}/teams/login/{credentials.TEAMS_TENANT}/oauth2/v2.0/token"
    async with session.post(url, data=LOGIN | change) as answer:
        body = await answer.json()
        assert (answer.status, body.get("error")) == (status, error)
    if status == 200:
        assert teams.tokens.good(f"Bearer {body['access_token']}")


async def test_a_token_runs_out_and_can_be_revoked(teams, call):
    assert (await call("POST", "", thread()))[0] == 201
    teams.clock.advance(4000)
    assert (await call("POST", "", thread()))[:2] == (401, "Unauthorized")


async def test_the_keys_verify_what_is_signed_also_after_a_rotation(teams, session):
    old = teams.signer.sign(teams.signer.claims(teams.service_url))
    teams.signer.rotate()
    async with session.get(f"{teams.url}/teams/openid") as answer:
        document = await answer.json()
    async with session.get(document["jwks_uri"]) as answer:
        keys = {row["kid"]: row for row in (await answer.json())["keys"]}
    for token in (old, teams.signer.sign(teams.signer.claims(teams.service_url))):
        row = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, PyJWK(row).key, ["RS256"], audience=credentials.TEAMS_APP)
        assert claims["serviceurl"] == teams.service_url
        assert "msteams" in row["endorsements"]


# ------------------------------------------------------------------ messages


async def test_a_thread_a_reply_an_edit_and_the_end(teams, call):
    status, _, made, _ = await call("POST", "", thread(with_card()))
    assert status == 201
    where, first = f"/{made['id']}/activities", made["activityId"]
    status, _, reply, _ = await call("POST", where, {"type": "message", "text": "behind it"})
    assert status == 201
    assert teams.tenant.message(ROOM, reply["id"]).root == first
    assert (await call("PUT", f"{where}/{first}", {"type": "message", "text": "changed"}))[0] == 200
    assert teams.tenant.message(ROOM, first).edits == 1
    assert (await call("DELETE", f"{where}/{first}"))[0] == 200
    assert teams.texts(ROOM) == [], "a reply goes with what it replied to"
    gone = await call("PUT", f"{where}/{first}", {"type": "message", "text": "again"})
    assert gone[:2] == (404, "ActivityNotFoundInConversation")


BAD = [
    ({"type": "message"}, 400, "BadSyntax"),
    ({"type": "dance", "text": "x"}, 400, "BadSyntax"),
    ({"type": "message", "text": "x", "textFormat": "html"}, 400, "BadArgument"),
    ({"type": "message", "text": "x" * 29_000}, 413, "MessageSizeTooBig"),
    (with_card() | {"text": "beside a card"}, 400, "BadArgument"),
    (with_card(version="1.6"), 400, "BadArgument"),
    (with_card(body=[{"type": "Marquee", "text": "x"}]), 400, "BadArgument"),
    ({"type": "message", "attachments": [{"contentType": "text/html", "content": "x"}]}, 400, "BadArgument"),
    (
        {"type": "message", "text": "<at>X</at>", "entities": [
            {"type": "mention", "text": "<at>X</at>", "mentioned": {"id": "29:nobody", "name": "X"}}]},
        400, "BadArgument",
    ),
    (
        {"type": "message", "text": "nobody", "entities": [
            {"type": "mention", "text": "<at>Ana</at>", "mentioned": {"id": STAFF["ana"].teams, "name": "Ana"}}]},
        400, "BadArgument",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("activity", "status", "code"), BAD)
async def test_what_may_not_be_sent(teams, call, activity, status, code):
    assert (await call("POST", "", thread(activity)))[:2] == (status, code)
    assert teams.texts(ROOM) == []
    assert teams.ledger.count("teams", "rejected") == 1


async def test_where_nothing_may_be_sent(teams, call):
    message = {"type": "message", "text": "x"}
    assert (await call("POST", "/19:nobody@thread.tacv2/activities", message))[:2] == (404, "ConversationNotFound")
    assert (await call("POST", f"/{ROOM};messageid=1/activities", message))[:2] == (404, "ConversationNotFound")
    assert (await call("POST", "", {"bot": {"id": BOT}}))[:2] == (400, "BadSyntax")
    assert (await call("POST", "", thread() | {"bot": {"id": "28:other"}}))[:2] == (400, "BadArgument")
    teams.remove_bot(ROOM)
    assert (await call("POST", "", thread()))[:2] == (403, "BotNotInConversationRoster")


async def test_a_private_chat_exists_once_and_only_where_the_app_is(teams, call):
    made = []
    for name in (STAFF["ana"].teams, user_id(STAFF["ana"])):
        status, _, body, _ = await call("POST", "", {"bot": {"id": BOT}, "members": [{"id": name}]})
        assert status == 201
        made.append(body["id"])
    assert made[0] == made[1]
    for name in NOT_INSTALLED:
        refused = await call("POST", "", {"bot": {"id": BOT}, "members": [{"id": STAFF[name].teams}]})
        assert refused[:2] == (403, "BotNotInConversationRoster")
    teams.tenant.private("ana").blocked = True
    sent = await call("POST", f"/{made[0]}/activities", {"type": "message", "text": "x"})
    assert sent[:2] == (403, "ConversationBlockedByUser")


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize(("count", "pause"), [(7, 0.0), (8, 1.05), (60, 29.0)])
async def test_so_many_messages_in_a_thread(teams, call, count, pause):
    """7 in a second, 8 in two, 60 in half a minute."""
    taken = 0
    for number in range(count + 1):
        status, code, _, headers = await call("POST", "", thread())
        if status == 429:
            assert code == "Throttled"
            assert int(headers["Retry-After"]) >= 1
            break
        taken += 1
        if count == 60 or number == 6:
            teams.clock.advance(pause / (count if count == 60 else 1))
    assert taken == count
    teams.clock.advance(31)
    assert (await call("POST", "", thread()))[0] == 201


async def test_reading_members_has_limits_of_its_own(teams, call):
    answers = [await call("GET", f"/{ROOM}/members/{STAFF['ana'].email}") for _ in range(15)]
    assert [one[0] for one in answers] == [200] * 14 + [429]
    assert answers[0][2]["aadObjectId"] == STAFF["ana"].teams


async def test_the_pages_of_a_roster(teams, call):
    assert (await call("GET", f"/{ROOM}/pagedmembers?pageSize=10"))[:2] == (400, "BadArgument")
    status, _, body, _ = await call("GET", f"/{ROOM}/pagedmembers?pageSize=50")
    assert status == 200
    assert len(body["members"]) == len(STAFF)
    assert (await call("GET", f"/{ROOM}/members/29:nobody"))[:2] == (404, "MemberNotFoundInConversation")


# ------------------------------------------------------------------ cards


def card(*body, **more):
    return {"type": "AdaptiveCard", "version": "1.5", "body": list(body) or [{"type": "TextBlock", "text": "x"}]} | more


def execute(**more):
    return {"type": "Action.Execute", "title": "Do", "verb": "do"} | more


GOOD = [
    card(),
    card({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "x", "weight": "Bolder"}]}),
    card({"type": "Container", "style": "good", "items": [{"type": "TextBlock", "text": "x"}]}),
    card({"type": "FactSet", "facts": [{"title": "a", "value": "b"}]}),
    card(actions=[execute(fallback={"type": "Action.Submit", "title": "Do"})]),
    card(actions=[{"type": "Action.OpenUrl", "url": "https://x.example"}]),
    card({"type": "Input.ChoiceSet", "id": "a", "choices": [], "choices.data": {"type": "Data.Query", "dataset": "d"}}),
    card(actions=[{"type": "Action.ShowCard", "title": "More", "card": card({"type": "Input.Text", "id": "a"})}]),
    card(refresh={"action": execute(), "userIds": ["29:x"] * 60}),
]  # fmt: skip
WRONG = [
    ("no card", {"type": "HeroCard"}),
    ("no version", {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "x"}]}),
    ("newer", card(version="1.6")),
    ("nothing on it", card(body=[])),
    ("unknown element", card({"type": "Carousel"})),
    ("unknown property", card({"type": "TextBlock", "text": "x", "colour": "red"})),
    ("no text", card({"type": "TextBlock"})),
    ("text that is a number", card({"type": "TextBlock", "text": 5})),
    ("unknown colour", card({"type": "TextBlock", "text": "x", "color": "pink"})),
    ("unknown container style", card({"type": "Container", "style": "danger", "items": []})),
    ("input without an id", card({"type": "Input.Text"})),
    ("two inputs of one name", card({"type": "Input.Text", "id": "a"}, {"type": "Input.Text", "id": "a"})),
    ("choice without words", card({"type": "Input.ChoiceSet", "id": "a", "choices": [{"value": "x"}]})),
    ("execute without a verb", card(actions=[{"type": "Action.Execute", "title": "x"}])),
    ("unknown action", card(actions=[{"type": "Action.Http", "title": "x"}])),
    ("link to nowhere", card(actions=[{"type": "Action.OpenUrl", "url": "javascript:alert(1)"}])),
    ("61 viewers", card(refresh={"action": execute(), "userIds": ["29:x"] * 61})),
    ("refresh by submit", card(refresh={"action": {"type": "Action.Submit"}})),
    ("a mention nobody reads", card(msteams={"entities": [
        {"type": "mention", "text": "<at>A</at>", "mentioned": {"id": "a", "name": "A"}}]})),
]  # fmt: skip


@pytest.mark.parametrize("given", GOOD, ids=range(len(GOOD)))
def test_cards_that_teams_draws(given):
    assert check_card(given) == []


@pytest.mark.parametrize("given", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_cards_that_teams_does_not_draw(given):
    assert check_card(given)


def test_the_seventh_button_of_a_row_is_dropped():
    buttons = [execute(title=str(number)) for number in range(8)]
    assert [one["title"] for one in shown_actions(card(actions=buttons))] == list("012345")
    rest = [{**one, "mode": "secondary"} for one in buttons[6:]]
    assert len(shown_actions(card(actions=buttons[:6] + rest))) == 8


# ------------------------------------------------------------------ what the verdict is made of


async def test_two_cards_of_one_alert_are_told_and_sabotage_is_seen(teams, call):
    teams.no_limits()
    await call("POST", "", thread(with_card()))
    assert teams.duplicates() == []
    await call("POST", "", thread(with_card()))
    assert len(teams.duplicates()) == 1
    teams.sabotage, teams._cards = True, 1
    await call("POST", "", thread(with_card(body=[{"type": "TextBlock", "text": "D-9 swallowed"}])))
    assert [one.ref for one in teams.dropped()] == ["D-9"]
    assert "D-9" not in [one.ref for one in teams.cards()]


async def test_the_same_note_twice_is_told(teams, call):
    _, _, made, _ = await call("POST", "", thread(with_card()))
    for _ in range(2):
        await call("POST", f"/{made['id']}/activities", {"type": "message", "text": "Escalated"})
    assert len(teams.duplicates()) == 1


async def test_faults_are_the_vendors_own_words(teams, call):
    teams.faults.set("429", retry_after=9, times=1)
    status, code, _, headers = await call("POST", "", thread())
    assert (status, code, headers["Retry-After"]) == (429, "Throttled", "9")
    teams.faults.set("403", where=ROOM, times=1)
    assert (await call("POST", "", thread()))[:2] == (403, "BotNotInConversationRoster")
    assert (await call("GET", f"/{ROOM}/pagedmembers"))[0] == 200
    assert teams.ledger.count("teams", "ratelimited") == 1
