"""Every call that we make of the connector, and every answer of the stand-in, judged by Microsoft's own description."""

import sys
from dataclasses import replace

import aiohttp
import pytest

from bot.catalog import GATEWAYS
from bot.teams import TeamsGateway
from channels.catalog import CHANNELS
from channels.teams import TeamsChannel
from deskbell.core.card import Note
from deskbell.core.ports import Identity
from deskbell.sandbox import credentials

ROOM = credentials.TEAMS_ROOMS["dispatch"]
OURS = {"create", "send", "update", "pagedmembers"}


async def test_every_call_is_described(channel, gateway, desk, room, identity, teams, oracle, capfd):
    if oracle.check is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    teams.no_limits()
    ref = (await channel.post(room, replace(desk.drawn(), mentions=("ben",)), identity)).ref
    note = Identity("note", "D-12", "dispatch", 5)
    await channel.note(room, ref, Note("Escalated", "D-12", mentions=("ben",), broadcast=True), note)
    await channel.note(room, ref, Note("P1 D-12", direct="ben", buttons=desk.drawn().buttons), note)
    await channel.check([room])
    for label, answers in (
        ("Acknowledge", ()),
        ("Reassign", ("Carla",)),
        ("Snooze", ("1 hour",)),
        ("Resolve", ("Fixed",)),
    ):
        await teams.press("ana", teams.cards(ROOM)[-1], label, *answers)
        await channel.edit(room, ref, desk.drawn(), identity)
    await teams.say("ana", ROOM, "case 4711")
    await teams.say("ana", "", "show D-12")
    await teams.press_private("ana", "Reopen")
    await teams.press("lena", teams.cards(ROOM)[-1], "Reopen", changes=False)

    assert set(oracle.checked) == OURS
    with capfd.disabled():
        told = dict(sorted(oracle.checked.items()))
        print(f"\nteams: {sum(oracle.checked.values())} calls checked, {told}", file=sys.stderr)


async def test_every_answer_of_the_stand_in_is_described(teams, conf, oracle_module):
    if oracle_module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    base = f"{teams.url}/teams/v3/conversations"
    headers = {"Authorization": f"Bearer {teams.tokens.grant()['access_token']}"}
    activity = {"type": "message", "text": "Hello"}
    new = {
        "isGroup": True,
        "bot": {"id": f"28:{conf.app_id}"},
        "channelData": {"channel": {"id": ROOM}},
        "activity": activity,
    }
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask(method, url, template, body=None):
            async with session.request(method, url, json=body) as answer:
                value = await answer.json() if answer.content_type == "application/json" else None
                path = f"/v3/conversations{template}"
                assert answer.status < 300
                assert oracle_module.check_response("teams", method, path, answer.status, value, strict=True) == []
                return value

        thread = await ask("POST", base, "", new)
        where, message = f"{base}/{thread['id']}", thread["activityId"]
        await ask("POST", f"{where}/activities", "/{conversationId}/activities", activity)
        template = "/{conversationId}/activities/{activityId}"
        await ask("POST", f"{where}/activities/{message}", template, activity)
        await ask("PUT", f"{where}/activities/{message}", template, activity)
        await ask("DELETE", f"{where}/activities/{message}", template)
        members = {"bot": {"id": f"28:{conf.app_id}"}, "members": [teams.account("ana")]}
        await ask("POST", base, "", members)


def test_the_oracle_is_awake(oracle_module):
    if oracle_module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    request = {
        "method": "POST",
        "url": "https://smba.trafficmanager.net/teams/v3/conversations/19%3Aa%40thread.tacv2/activities",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer x"},
        "body": {"type": "message", "colour": "red"},
        "system": "teams",
    }
    assert oracle_module.check(request, strict=True)


def test_the_catalogs_load_what_they_name():
    assert CHANNELS["teams"].load() is TeamsChannel
    assert GATEWAYS["teams"].load() is TeamsGateway
