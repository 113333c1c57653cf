"""What a person does on the page, from the link in a chat to the alert that is answered."""

from datetime import timedelta

from deskbell.core.access import Person, Role
from deskbell.core.alert import Status


async def test_whoever_is_not_known_sees_no_more_than_the_title(browser, office):
    await browser.get(office.link)
    assert browser.status == 200
    assert "D-1" in browser.said
    assert office.alert.title in browser.said
    for personal in ("Marco", "Northgate", "Milk Lane", "J-4711"):
        assert personal not in browser.text
    assert "/desk link" in browser.said


async def test_two_taps_from_the_link_to_the_acknowledgement(ana, office):
    await ana.get(office.link)
    assert "Marco" in ana.said
    await ana.press(office, "Acknowledge")
    assert office.alert.status is Status.ACKED
    assert office.alert.acked_by == "ana"
    assert "acknowledged" in ana.said


async def test_a_code_connects_the_browser_for_good(browser, office):
    await browser.get(office.link)
    code = await office.desk.link_code("ben")
    await browser.post(office.link, browser.forms[0] | {"code": f" /desk link {code.upper()} "})
    assert "Connected: you are Ben Okafor here now." in browser.said
    assert "/desk help" not in browser.said
    assert "Acknowledge" in browser.said
    await browser.get(office.link)
    assert "You are Ben Okafor here." in browser.said


async def test_a_wrong_code_is_refused_in_words(browser, office):
    await browser.get(office.link)
    await browser.post(office.link, browser.forms[0] | {"code": "nonsense"})
    assert "That code is wrong" in browser.said
    await browser.post(office.link, browser.forms[0] | {"code": "  "})
    assert "Type the code first." in browser.said
    assert "Marco" not in browser.said


async def test_codes_can_not_be_tried_for_ever(browser, office):
    await browser.get(office.link)
    for _ in range(61):
        await browser.post(office.link, browser.forms[0] | {"code": "nonsense"})
    assert "too many wrong codes" in browser.said
    assert len(office.entries("link_refused")) == 60


async def test_every_button_does_what_it_says(ana, office):
    for words, more, said in (
        ("Acknowledge", {}, "acknowledged"),
        ("Undo", {}, "as it was before: open"),
        ("Reassign", {"choice": "ben"}, "is with Ben Okafor now"),
        ("Take it", {}, "is yours"),
        ("30 min", {}, "is quiet for 30 min"),
        ("Escalate", {}, "escalated"),
        ("Resolve", {"choice": "Fixed", "text": "new pump"}, "resolved"),
        ("Reopen", {}, "is open again"),
    ):
        await ana.press(office, words, **more)
        assert said in ana.said, words
    assert [entry.personal.get("text") for entry in office.entries("resolve")] == ["Fixed: new pump"]


async def test_the_page_tells_why_it_rang(ana, office):
    await ana.get(office.link)
    assert "Why did this ring?" in ana.said
    assert "technician_late" in ana.said


async def test_a_form_sent_empty_says_what_is_missing(ana, office):
    await ana.press(office, "Resolve", choice="", text="")
    assert "why it is over" in ana.said
    await ana.press(office, "Reassign", choice="nobody")
    assert "Name a colleague" in ana.said
    assert office.alert.status is Status.OPEN


async def test_a_reload_or_a_double_tap_does_nothing_more(ana, office):
    fields = ana.button("Escalate")
    for _ in range(3):
        await ana.post(office.link, fields)
        assert "escalated" in ana.said
    assert len(office.entries("escalate")) == 1


async def test_who_was_faster_is_told(ana, office, new_browser):
    ben = await new_browser().connect(office, "ben")
    await ana.press(office, "Acknowledge")
    await ben.press(office, "Acknowledge")
    assert "already acknowledged by Ana Ruiz" in ben.said
    assert office.alert.acked_by == "ana"


async def test_a_viewer_may_look_and_not_act(new_browser, office):
    dan = await new_browser().connect(office, "dan")
    assert "Marco" in dan.said
    assert "Your role lets you look" in dan.said
    ana = await new_browser().connect(office, "ana")
    await dan.post(office.link, ana.button("Acknowledge") | {"form": dan.forms[0]["form"]})
    assert "Your role does not allow ack" in dan.said
    assert office.alert.status is Status.OPEN


async def test_a_person_leaves_the_browser(ana, office):
    before = dict(ana.cookies)
    await ana.press(office, "This is not me")
    assert ana.cookies != before
    await ana.get(office.link)
    assert "Deskbell does not know this browser yet" in ana.said


async def test_somebody_removed_is_not_known_any_more(ana, office):
    del office.people["ana"]
    await ana.get(office.link)
    assert "does not know this browser" in ana.said


async def test_the_link_ends_a_week_after_its_alert(ana, office):
    await ana.press(office, "Resolve", choice="Fixed", text="")
    office.now += timedelta(days=6)
    assert (await ana.get(office.link)).status == 200
    office.now += timedelta(days=2)
    assert (await ana.get(office.link)).status == 404


async def test_it_works_while_the_store_does_not(ana, office, monkeypatch):
    async def broken(*_):
        raise RuntimeError("no disk")

    fields = ana.button("Acknowledge")
    monkeypatch.setattr(office.desk, "act", broken)
    await ana.post(office.link, fields)
    assert "Not saved in time. Please tap again" in ana.said
    monkeypatch.setattr(office.desk, "person", broken)
    await ana.get(office.link)
    assert ana.status == 500
    assert "no disk" not in ana.text
    assert "Something went wrong" in ana.said


async def test_a_technician_sees_what_a_technician_may_do(new_browser, office):
    """A button that only refuses is worse than none."""
    office.people["tom"] = Person("tom", "Tom Field", roles=frozenset({Role.TECHNICIAN}))
    tom = await new_browser().connect(office, "tom")

    assert "Acknowledge" in tom.said
    for words in ("Reassign", "Escalate", "Snooze", "Resolve"):
        assert words not in tom.said
