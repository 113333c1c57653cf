"""Rules of what is added to a case and how it moves on: once a change, over when answered or old; first run."""

import pytest

from deskbell.core.calendar import WEEKDAYS, Calendar
from deskbell.core.records import Case, CaseStatus, Happening, HappeningKind, Priority, Sla, changed
from deskbell.core.rules.happenings import DocumentAddedConf, NoticeOverdueConf
from tests.core.asked import DAY, HOUR, MIN, NOON, P1, P2, P3, P4, SECOND, ask, found, holds, one, severity

CASE = Case(
    source="fd",
    id="8",
    number="FD-8",
    status=CaseStatus.OPEN,
    subject="Leak",
    assignee="Ana Ruiz",
    assignee_id="3",
    created_at=NOON - DAY,
    updated_at=NOON,
    last_activity_at=NOON,
)
OFFICE = Calendar("UTC", WEEKDAYS, NOON.time().replace(hour=9), NOON.time().replace(hour=17))


def happened(kind, ident="n1", at=NOON, **values):
    return Happening(HappeningKind(kind), ident, at, **values)


def with_(*happenings, **values):
    return changed(CASE, happenings=happenings, **values)


EVENTS = {
    "note_added": ("note", "note:fd:8:n1"),
    "reply_added": ("reply", "reply:fd:8:n1"),
    "customer_replied": ("customer_reply", "creply:fd:8:n1"),
    "document_added": ("document", "doc:fd:8:n1"),
}


@pytest.mark.parametrize(("rule", "kind", "key"), [(rule, *rest) for rule, rest in EVENTS.items()])
class TestAdded:
    def test_once(self, rule, kind, key):
        case = with_(happened(kind))
        assert one(case, NOON, rule, CASE).key == key
        assert holds(case, NOON + MIN, rule, case)
        assert not found(CASE, NOON, rule, CASE)
        assert not found(with_(happened("note" if kind != "note" else "reply")), NOON, rule, CASE)

    def test_first_run(self, rule, kind, key):
        case = with_(happened(kind))
        assert not found(case, NOON, rule, baseline=True)
        assert found(case, NOON + HOUR, rule)
        assert not found(case, NOON + 3 * HOUR, rule)
        assert key.startswith(rule[0]) or rule == "customer_replied"

    def test_late_visible_is_news_and_long_known_is_not(self, rule, kind, key):
        before = with_(happened(kind, "old", NOON - HOUR))
        assert one(with_(happened(kind, "old", NOON - HOUR), happened(kind, at=NOON - HOUR - MIN)), NOON, rule, before)
        ancient = with_(happened(kind, "zero", NOON - 5 * DAY), happened(kind, "old", NOON - HOUR))
        assert not found(ancient, NOON, rule, before), key


class TestNotes:
    @pytest.mark.parametrize(
        ("values", "text", "rung"),
        [
            ({}, "done", P4),
            ({}, "@ben have a look", P3),
            ({"priority": Priority.HIGH}, "", P3),
        ],
    )
    def test_how_severe(self, values, text, rung):
        case = with_(happened("note", text_hint=text, author="Lena"), **values)
        seen = one(case, NOON, "note_added", changed(CASE, **values))
        assert (seen.severity, seen.quiet) == (rung, True)
        assert seen.summary == "Note by Lena: FD-8 Leak, 12:00"

    def test_old_news_ends(self):
        case = with_(happened("note"))
        assert holds(case, NOON + DAY - SECOND, "note_added", case)
        assert not ask(case, NOON + DAY, "note_added", case)[1]

    def test_a_documents_name_is_hidden(self):
        case = with_(happened("document", name="payslip Pat Miller.pdf"))
        assert "Pat" not in one(case, NOON, "document_added", CASE).summary
        shown = one(case, NOON, "document_added", CASE, DocumentAddedConf(names=True))
        assert "payslip Pat Miller.pdf" in shown.summary


class TestCustomerReplied:
    RULE = "customer_replied"

    @pytest.mark.parametrize(
        ("before", "now", "rung"),
        [
            (CASE, CASE, P3),
            (changed(CASE, status=CaseStatus.RESOLVED), CASE, P2),
            (changed(CASE, status=CaseStatus.RESOLVED), changed(CASE, status=CaseStatus.RESOLVED), P2),
            (CASE, changed(CASE, slas=(Sla("first_response", NOON - MIN),)), P2),
        ],
    )
    def test_how_severe(self, before, now, rung):
        case = changed(now, happenings=(happened("customer_reply"),))
        assert severity(case, NOON, self.RULE, before) == rung

    def test_over_when_answered_or_closed(self):
        asked = with_(happened("customer_reply"))
        assert holds(asked, NOON + DAY, self.RULE, asked)
        answered = with_(*asked.happenings, happened("reply", "r", NOON + MIN))
        assert ask(answered, NOON + MIN, self.RULE, asked) == ([], False)
        assert ask(changed(asked, status=CaseStatus.CLOSED), NOON + MIN, self.RULE, asked) == ([], False)

    def test_the_newest_answers_for_those_before(self):
        case = with_(happened("customer_reply"), happened("customer_reply", "n2", NOON + MIN))
        assert one(case, NOON + MIN, self.RULE, CASE).key == "creply:fd:8:n2"


class TestDocumentRequested:
    RULE = "document_requested"
    ASKED = with_(happened("document_request", due_at=NOON + 4 * DAY))

    @pytest.mark.parametrize(
        ("after", "rung", "stage"),
        [
            (0 * MIN, P4, "asked"),
            (2 * DAY, P4, "half"),
            (3 * DAY, P4, "soon"),
            (4 * DAY - SECOND, P4, "soon"),
            (4 * DAY, P3, "due"),
        ],
    )
    def test_stages_edit_one_card(self, after, rung, stage):
        seen = one(self.ASKED, NOON + after, self.RULE)
        assert (seen.severity, seen.stage, seen.key) == (rung, stage, "docreq:fd:8:n1")

    def test_over_when_it_came(self):
        came = with_(*self.ASKED.happenings, happened("document", "d", NOON + DAY))
        assert not found(came, NOON + 9 * DAY, self.RULE)
        assert not found(changed(self.ASKED, status=CaseStatus.CLOSED), NOON + 9 * DAY, self.RULE)


class TestNotice:
    RULE, CONF = "notice_overdue", NoticeOverdueConf(events=("document_request", "status:resolved"))

    @pytest.mark.parametrize(("after", "rung"), [(DAY - SECOND, None), (DAY, P2), (2 * DAY, P1)])
    def test_stages(self, after, rung):
        case = with_(happened("document_request"))
        assert severity(case, NOON + after, self.RULE, conf=self.CONF) == rung
        assert not found(case, NOON + after, self.RULE)  # rests until events are named

    def test_key_and_what_counts_as_told(self):
        done = changed(CASE, status=CaseStatus.RESOLVED, status_since=NOON)
        seen = one(done, NOON + DAY, self.RULE, conf=self.CONF)
        assert seen.key == "notice:fd:8:resolved-2026-11-20T12:00:00Z"
        told = changed(done, happenings=(happened("reply", at=NOON),))
        assert not found(told, NOON + 5 * DAY, self.RULE, conf=self.CONF)


class TestStatusChanged:
    RULE = "case_status_changed"

    @pytest.mark.parametrize(
        ("was", "status", "rung"),
        [
            (CaseStatus.OPEN, CaseStatus.RESOLVED, P4),
            (CaseStatus.OPEN, CaseStatus.WAITING, P4),
            (CaseStatus.RESOLVED, CaseStatus.OPEN, P2),
            (CaseStatus.WAITING, CaseStatus.OPEN, None),
            (CaseStatus.OPEN, CaseStatus.UNKNOWN, None),  # unmapped_status tells of that
        ],
    )
    def test_edges(self, was, status, rung):
        before, case = changed(CASE, status=was), changed(CASE, status=status, status_since=NOON)
        assert severity(case, NOON, self.RULE, before) == rung
        assert not found(case, NOON, self.RULE, case)
        assert not found(case, NOON, self.RULE, baseline=True)
        if rung:
            assert one(case, NOON, self.RULE, before).key == f"cstat:fd:8:{status}:2026-11-20T12:00:00Z"

    def test_a_reopened_one_stays_until_somebody_looks_after_it(self):
        assert holds(CASE, NOON + 9 * DAY, self.RULE, CASE)
        closed = changed(CASE, status=CaseStatus.CLOSED, status_since=NOON)
        assert holds(closed, NOON + HOUR, self.RULE, closed)
        assert not ask(closed, NOON + DAY, self.RULE, closed)[1]


class TestUserActionRequired:
    RULE = "user_action_required"
    WAITS = changed(CASE, status=CaseStatus.WAITING, status_since=NOON)  # Friday noon

    @pytest.mark.parametrize(
        ("after", "stage"),
        [(2 * DAY, None), (4 * DAY, "2 d"), (7 * DAY, "5 d"), (14 * DAY, "10 d")],
    )
    def test_in_business_days(self, after, stage):
        seen = found(self.WAITS, NOON + after, self.RULE, calendar=OFFICE)
        assert [item.stage for item in seen] == ([stage] if stage else [])
        assert all(item.key == "uar:fd:8:2026-11-20T12:00:00Z" for item in seen)

    def test_over_when_the_customer_answers(self):
        assert not found(CASE, NOON + 30 * DAY, self.RULE)


class TestAssigned:
    RULE = "case_assigned"
    BEN = changed(CASE, assignee="Ben", assignee_id="4", updated_at=NOON + MIN)

    def test_a_new_owner(self):
        seen = one(self.BEN, NOON + MIN, self.RULE, CASE)
        assert (seen.severity, seen.quiet, seen.key) == (P3, True, "asg:fd:8:4:2026-11-20T12:01:00Z")
        assert holds(self.BEN, NOON + HOUR, self.RULE, self.BEN)
        assert not ask(self.BEN, NOON + 2 * DAY, self.RULE, self.BEN)[1]
        assert not found(self.BEN, NOON + MIN, self.RULE)  # new, and with an owner: it changed no hands

    @pytest.mark.parametrize(("earlier", "rung"), [(1, P3), (2, P2)])
    def test_from_hand_to_hand(self, earlier, rung):
        seen = one(self.BEN, NOON + MIN, self.RULE, CASE, earlier={self.RULE: earlier})
        assert (seen.severity, seen.quiet) == (rung, rung == P3)

    def test_nobody_and_over(self):
        assert not found(changed(CASE, assignee="", assignee_id=""), NOON, self.RULE, CASE)
        assert not found(changed(self.BEN, status=CaseStatus.CLOSED), NOON, self.RULE, CASE)


@pytest.mark.parametrize(
    ("was", "now", "rung"),
    [
        (Priority.NORMAL, Priority.HIGH, P3),
        (Priority.NORMAL, Priority.URGENT, P2),
        (Priority.HIGH, Priority.LOW, None),
        (Priority.HIGH, Priority.HIGH, None),
    ],
)
def test_priority_raised(was, now, rung):
    case = changed(CASE, priority=now)
    seen = found(case, NOON, "priority_raised", changed(CASE, priority=was))
    assert [item.severity for item in seen] == ([rung] if rung else [])
    assert all(item.key == f"prio:fd:8:{now}:2026-11-20T12:00:00Z" for item in seen)
    assert holds(case, NOON, "priority_raised", case)
    assert not found(case, NOON, "priority_raised", baseline=True)
