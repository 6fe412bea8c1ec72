"""The policies' room: looking, proposing, confirming, refusing, trying, asking."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.admin.policies.verbs import VERBS
from governance.audit.record import data_of, record
from governance.models import AuditEvent, PolicyVersion
from governance.policy import activation, current
from governance.policy.types import Effect
from governance.types import ActorKind, Principal, Role
from tests.admin.conftest import browser_of
from tests.admin.pages import INBOX, forms_on, messages, submit, text, words_in
from tests.admin.test_inert_text import EVIL, SEEN
from tests.governance.policy.requests import ask
from tests.governance.policy.versions import LOOSE, STRICT, kept
from tests.people import person

pytestmark = pytest.mark.django_db

POLICIES = "/admin/governance/policyversion/"
ADD = f"{POLICIES}add/"
ASK = f"{POLICIES}ask/"
BUILT_IN = f"{POLICIES}built-in/"
BAD = "policies:\n  - nme: \u202ex\n    rules: []\n"


@pytest.fixture(autouse=True)
def no_policy_before():
    """What the process remembers of the policy is that of the test before."""
    current.forget()


@pytest.fixture
def ada():
    return person("ada", Role.ADMIN)


@pytest.fixture
def bob():
    return person("bob", Role.APPROVER)


@pytest.fixture
def vera():
    return person("vera", Role.VIEWER)


def waiting(by: Any) -> PolicyVersion:
    version = kept(LOOSE)
    assert not activation.propose(version, by=by).active
    return version


def page(version: PolicyVersion) -> str:
    return f"{POLICIES}{version.pk}/change/"


def url(version: PolicyVersion, verb: str) -> str:
    return f"{POLICIES}{version.pk}/do/{verb}/"


def do(browser: Any, version: PolicyVersion, verb: str, **filled: str) -> Any:
    return submit(browser, page(version), url(version, verb), **filled)


def plain(response: Any) -> str:
    return words_in(text(response))


def told(kind: str) -> list[dict[str, Any]]:
    events = AuditEvent.objects.filter(type=kind).order_by("id")
    return [data_of(event.body)["data"]["payload"] for event in events]


def state() -> tuple[Any, int]:
    """Everything that a request must leave as it is."""
    rows = PolicyVersion.objects.order_by("pk").values_list("pk", "active", "waiting", "shadow")
    return list(rows), AuditEvent.objects.count()


# --- looking ---


def test_the_list_says_what_counts_then_what_waits_then_the_rest(ada, vera):
    old = activation.propose(kept(STRICT, "old.yaml"), by=ada).version
    draft = kept(STRICT.replace("needs an approval", "is asked for"), "draft.yaml")
    wants = kept(LOOSE, "wants.yaml")
    activation.propose(wants, by=ada)
    browser = browser_of(vera)
    found = re.findall(
        r'<tr>.*?class="field-state[^"]*">(.*?)</td>', text(browser.get(POLICIES)), re.DOTALL
    )
    assert [re.sub(r"<[^>]+>", "", one).strip() for one in found] == ["in force", "waits", "kept"]
    shown = plain(browser.get(POLICIES))
    for said in ("In force", "old.yaml, ", str(draft), "user:ada", "proposed; it loosens"):
        assert said in shown, said
    assert page(old) in text(browser.get(POLICIES))


def test_without_any_version_the_built_in_default_is_shown_and_has_a_page(vera):
    browser = browser_of(vera)
    assert "built-in, " in plain(browser.get(POLICIES))
    shown = plain(browser.get(f"{BUILT_IN}change/"))
    assert "It is in force" in shown
    assert "Every rule can decide something" in shown
    assert PolicyVersion.objects.count() == 0


def test_a_page_says_the_rules_in_words_and_shows_the_source_by_lines(vera):
    from importlib import resources

    example = resources.files("governance.policy").joinpath("examples", "production.yaml")
    version = kept(example.read_text("utf-8"))
    shown = browser_of(vera).get(page(version))
    said = plain(shown)
    for words in (
        "for service autopilot or role automation , priority 880",
        "database, by tools like terminate_*",
        "database, tagged production",
        "2 people with the role approver or above, not who asked, with a reason, for one use",
        "only Tue, Thu 05:00-07:00 Europe/Vienna",
        "only Fri 16:00-24:00 Europe/Vienna",
        "at most 1000 rows",
        "a transaction at most 900 s old",
        "for the purpose audit or incident or support",
        "valid for 60 min",
    ):
        assert words in said, words
    number = version.text.splitlines().index("      - action: [write, destructive]") + 1
    assert f'<a href="#line-{number}">{number}</a>' in text(shown)
    assert f'<li id="line-{number}">      - action: [write, destructive]</li>' in text(shown)


def test_findings_lead_to_their_line(vera):
    dead = current.built_in_text() + (
        "  - name: never\n    resources: [{type: ticket}]\n"
        "    rules: [{action: read, effect: deny}]\n"
    )
    version = kept(dead)
    line = len(dead.splitlines())
    shown = browser_of(vera).get(page(version))
    assert f'<a href="#line-{line}"><bdi>p.yaml:{line}:13</bdi></a>' in text(shown)
    assert "never rule 0 never decides read: tickets rule 0 decides first" in plain(shown)
    assert f'<li id="line-{line}" class="is-marked">' in text(shown)


def test_a_page_says_what_it_loosens_and_how_the_texts_differ(ada, bob):
    version = waiting(ada)
    said = plain(browser_of(bob).get(page(version)))
    assert "user:ada asks for this policy" in said
    assert "loosens read deny → becomes allow E.g. user somebody" in said
    assert "- tags: [inventory]" in said
    whole = browser_of(bob).get(f"{POLICIES}{version.pk}/text/diff/")
    assert whole["Content-Type"].startswith("text/plain")
    assert "+          name_pattern: '*'" in text(whole)


def test_a_text_that_was_changed_behind_the_products_back_is_said_to_be(ada, vera):
    version = activation.propose(kept(STRICT), by=ada).version
    PolicyVersion.objects.filter(pk=version.pk).update(text=LOOSE)
    current.forget()
    browser = browser_of(vera)
    assert "somebody changed it behind the product's back" in plain(browser.get(page(version)))
    listed = plain(browser.get(POLICIES))
    assert "Everything is denied" in listed
    assert "not what was activated" in listed


def test_the_log_of_a_version_is_its_own(ada, bob):
    version = waiting(ada)
    other = activation.propose(kept(STRICT, "other.yaml"), by=bob).version
    browser = browser_of(bob)
    said = plain(browser.get(page(version)))
    assert "proposed; it loosens, and waits for a second person by user ada" in said
    assert "in force by user bob" not in said
    assert "in force by user bob" in plain(browser.get(page(other)))


# --- a proposal ---


def test_a_second_person_confirms(ada, bob):
    version = waiting(ada)
    browser = browser_of(bob)
    answer = do(browser, version, "confirm")
    assert answer["Location"] == page(version)
    assert f"{version.digest[:12]} is in force." in messages(browser, answer)
    assert current.version() == version.digest
    assert told("policy_activated")[0]["confirmedBy"] == "user:bob"


def test_who_proposed_is_told_why_they_cannot_and_may_withdraw(ada):
    version = waiting(ada)
    browser = browser_of(ada)
    assert "You cannot confirm this: you proposed it" in plain(browser.get(page(version)))
    offered = forms_on(browser, page(version))
    assert url(version, "confirm") not in offered
    sent = {"digest": version.digest, "over": activation.in_force()}
    answer = browser.post(url(version, "confirm"), sent)
    assert answer.status_code == 403
    assert "another person confirms it" in plain(answer)
    assert current.version() != version.digest
    do(browser, version, "refuse", reason="I was wrong")
    version.refresh_from_db()
    assert not version.waiting
    assert "withdrawn by user ada" in plain(browser.get(page(version)))


def test_a_refusal_needs_a_reason_ends_the_wait_and_is_told(ada, bob):
    version = waiting(ada)
    browser = browser_of(bob)
    assert "This field is required" in plain(do(browser, version, "refuse", reason=" "))
    assert PolicyVersion.objects.get(pk=version.pk).waiting
    do(browser, version, "refuse", reason="Not before the audit")
    version.refresh_from_db()
    assert not version.waiting
    (payload,) = told("policy_refused")
    assert (payload["refusedBy"], payload["reason"]) == ("user:bob", "Not before the audit")
    assert "Nothing waits for a person." in plain(browser.get(INBOX))


def test_a_stale_page_decides_nothing(ada, bob):
    version = waiting(ada)
    browser = browser_of(bob)
    seen = forms_on(browser, page(version))[url(version, "confirm")]
    activation.propose(kept(STRICT), by=ada)
    assert not activation.propose(version, by=ada).active  # waits again, over another policy
    before = state()
    for verb in ("confirm", "refuse"):
        answer = browser.post(url(version, verb), {**seen, "reason": "x"})
        assert answer.status_code == 409
        assert "has changed since this was shown, so nothing was decided" in plain(answer)
    assert state() == before


@pytest.mark.parametrize("missing", ["digest", "over"])
def test_a_form_that_does_not_say_what_it_showed_decides_nothing(ada, bob, missing):
    version = waiting(ada)
    browser = browser_of(bob)
    sent = forms_on(browser, page(version))[url(version, "confirm")]
    before = state()
    assert browser.post(url(version, "confirm"), {**sent, missing: ""}).status_code == 409
    assert state() == before


def test_of_two_who_confirm_at_once_the_second_is_told_that_it_was_decided(ada, bob):
    version = waiting(ada)
    carl = browser_of(person("carl", Role.ADMIN))
    seen = forms_on(carl, page(version))[url(version, "confirm")]
    do(browser_of(bob), version, "confirm")
    answer = carl.post(url(version, "confirm"), seen)
    assert answer.status_code == 409
    assert len(told("policy_activated")) == 1


def test_what_tightens_is_in_force_at_once_and_the_built_in_default_comes_back_by_two(ada, bob):
    version = kept(STRICT)
    browser = browser_of(ada)
    assert "It loosens nothing: it is in force at once." in plain(browser.get(page(version)))
    do(browser, version, "propose")
    assert current.judge(ask("read", "file")).effect is Effect.DENY
    answer = submit(browser, f"{BUILT_IN}change/", f"{BUILT_IN}do/propose/")
    built_in = PolicyVersion.objects.get(waiting=True)
    assert answer["Location"] == page(built_in)
    assert "waits for a second person" in messages(browser, answer)
    do(browser_of(bob), built_in, "confirm")
    assert current.judge(ask("read", "file")).effect is Effect.ALLOW


# --- the trial ---


def test_a_candidate_is_tried_and_says_what_it_would_have_decided(ada, bob):
    version = kept(STRICT)
    browser = browser_of(ada)
    do(browser, version, "shadow")
    call = {
        "resource": "file:apps/x.yaml",
        "actionClass": "read",
        "decision": {"effect": "allow", "tags": []},
    }
    agent = Principal(kind=ActorKind.AGENT, name="aura")
    record("tool_called", actor=agent, action="git_read_file", data={"call": call})
    said = plain(browser.get(page(version)))
    assert "How the candidate does" in said
    assert ": 1 decisions" in said
    assert "tightens read allow → becomes deny (1 times)" in said
    assert current.judge(ask("read", "file")).effect is Effect.ALLOW
    do(browser_of(bob), version, "end")
    assert current.shadow() is None
    said = plain(browser.get(page(version)))
    assert "the candidate by user ada" in said
    assert "not the candidate any more by user bob" in said


# --- rights ---


def test_who_may_only_look_is_offered_nothing_and_refused(ada, vera):
    version = waiting(ada)
    browser = browser_of(vera)
    assert [one for one in forms_on(browser, page(version)) if "/do/" in one] == []
    assert "it takes the role approver or admin" in plain(browser.get(page(version)))
    before = state()
    sent = {"digest": version.digest, "over": activation.in_force(), "reason": "x"}
    for verb in VERBS:
        assert browser.post(url(version, verb), sent).status_code == 403, verb
    assert browser.get(ADD).status_code == 403
    assert browser.post(ADD, {"text": STRICT, "do": "keep"}).status_code == 403
    assert ADD not in text(browser.get(POLICIES))
    assert state() == before


def test_who_may_not_read_the_log_sees_no_page(db):
    from tests.admin.conftest import person as holder

    version = kept(STRICT)
    browser = browser_of(holder("vic", "tickets.view_ticket"))
    paths = (POLICIES, page(version), ADD, ASK, f"{POLICIES}{version.pk}/cases/")
    for path in (*paths, f"{POLICIES}{version.pk}/text/source/"):
        assert browser.get(path).status_code == 403, path
    assert "Policies" not in text(browser.get("/admin/"))


def test_looking_changes_nothing_and_a_post_needs_its_token(ada, bob):
    version = waiting(ada)
    browser = browser_of(bob)
    sent = forms_on(browser, page(version))[url(version, "confirm")]
    before = state()
    for verb in VERBS:
        assert browser.get(url(version, verb))["Location"] == page(version)
    for path in (POLICIES, f"{BUILT_IN}change/", ADD, f"{ASK}?type=file&name=a&action=read"):
        assert browser.get(path).status_code == 200
    assert browser.post(page(version), sent).status_code == 405
    strict = browser_of(bob, enforce_csrf_checks=True)
    assert strict.post(url(version, "confirm"), sent).status_code == 403
    assert state() == before


@pytest.mark.parametrize("path", ["0/change/", "nothing/change/", "nothing/cases/"])
def test_a_version_that_is_not_there_leads_to_the_list(vera, path):
    answer = browser_of(vera).get(f"{POLICIES}{path}", follow=True)
    assert f"There is no policy version {path.split('/')[0]}." in plain(answer)


# --- a new document ---


def test_a_document_is_checked_then_kept_then_proposed(ada):
    browser = browser_of(ada)
    begun = forms_on(browser, f"{ADD}?from=built-in")[""]
    assert begun["text"].lstrip("\n") == current.built_in_text()
    sent = {"text": f"# mine\r\n{LOOSE}", "source": "mine.yaml"}
    checked = browser.post(ADD, {**sent, "do": "check"})
    assert "Nothing was kept yet" in plain(checked)
    assert "loosens read deny → becomes allow" in plain(checked)
    assert PolicyVersion.objects.count() == 0
    answer = browser.post(ADD, {**sent, "do": "keep"})
    version = PolicyVersion.objects.get()
    assert answer["Location"] == page(version)
    assert (version.text, version.source) == (f"# mine\n{LOOSE}", "mine.yaml")
    assert version.loaded_by == "user:ada"
    assert AuditEvent.objects.count() == 0
    do(browser, version, "propose")
    version.refresh_from_db()
    assert version.waiting


def test_a_bad_document_comes_back_with_its_faults_and_places(ada):
    answer = browser_of(ada).post(ADD, {"text": BAD, "source": "my.yaml", "do": "keep"})
    said = plain(answer)
    assert "Nothing was kept" in said
    assert "my.yaml:2:5 a policy has no key 'nme'; did you mean name?" in said
    assert "- nme: ⟨U+202E⟩x" in said
    area = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", text(answer), re.DOTALL)
    assert area
    assert unescape(area.group(1)) == BAD
    assert PolicyVersion.objects.count() == 0


def test_a_file_is_read_in_the_place_of_the_text_and_kept_on_errors(ada):
    browser = browser_of(ada)
    good = SimpleUploadedFile("from-git.yaml", STRICT.encode())
    browser.post(ADD, {"text": "ignored", "file": good, "do": "keep"})
    version = PolicyVersion.objects.get()
    assert (version.text, version.source) == (STRICT, "from-git.yaml")
    bad = SimpleUploadedFile("bad.yaml", BAD.encode())
    said = text(browser.post(ADD, {"text": "ignored", "file": bad, "do": "keep"}))
    assert "bad.yaml:2:5" in said
    assert "rules: []" in said
    for content, words in ((b"\xff\xfe\x00", "no text in UTF-8"), (b"#" * 300_000, "longer than")):
        broken = SimpleUploadedFile("x.yaml", content)
        answer = browser.post(ADD, {"text": STRICT, "file": broken, "do": "keep"})
        assert words in plain(answer)
        assert "effect: deny" in text(answer), "what was typed is gone"
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize("sent", ["", "  \n", "a\0b", "#" * 300_000, "{", "[]", "policies: 1"])
def test_what_is_no_document_is_refused_on_the_page(ada, sent):
    answer = browser_of(ada).post(ADD, {"text": sent, "do": "keep"})
    assert answer.status_code == 200
    assert PolicyVersion.objects.count() == 0


def test_what_says_the_same_as_a_kept_one_leads_there(ada):
    version = kept(STRICT)
    answer = browser_of(ada).post(ADD, {"text": f"# again\n{STRICT}", "do": "keep"})
    assert answer["Location"] == page(version)
    assert PolicyVersion.objects.count() == 1


# --- asking ---


def test_a_question_is_answered_as_the_command_line_does(vera):
    from io import StringIO

    from django.core.management import call_command

    query = "?type=ticket&name=T-1&action=write&user=ada&role=dba&tool=submit_plan&rows=5"
    shown = plain(browser_of(vera).get(f"{ASK}{query}"))
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command(
            "policy", "explain", "--resource=ticket:T-1", "--action=write", "--user=ada",
            "--role=dba", "--tool=submit_plan", "--rows=5", stdout=out,
        )  # fmt: skip
    assert " ".join(out.getvalue().split()) in shown
    assert "asks a person by the policy in force" in shown
    assert AuditEvent.objects.count() == 0


def test_a_version_is_asked_beside_the_policy_in_force(vera):
    version = kept(STRICT, "strict.yaml")
    query = f"?of={version.pk}&type=file&name=a&action=read"
    shown = plain(browser_of(vera).get(f"{ASK}{query}"))
    assert "allowed by the policy in force" in shown
    assert f"denied by strict.yaml {version.digest[:12]}" in shown


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("type=file&name=&action=read", "This field is required"),
        ("type=file&name=a&action=burn", "Select a valid choice"),
        ("type=file&name=a&action=read&at=yesterday", "A moment such as"),
        ("type=file&name=a&action=read&rows=-1", "greater than or equal to 0"),
    ],
)
def test_a_question_that_is_none_is_told_so(vera, query, words):
    assert words in plain(browser_of(vera).get(f"{ASK}?{query}"))


def test_a_page_of_many_complaints_stays_small(vera):
    path = f"{POLICIES}{kept(STRICT).pk}/cases/"
    answer = submit(browser_of(vera), path, "", text="cases:\n" + "- {}\n" * 3_000)
    assert len(answer.content) < 200_000
    assert "and more; 200 are shown" in plain(answer)


def test_cases_are_tried_and_nothing_is_kept(vera):
    version = kept(STRICT)
    path = f"{POLICIES}{version.pk}/cases/"
    browser = browser_of(vera)
    sent = (
        "cases:\n  - name: reads are allowed\n    request: {action: read, type: file, name: a}\n"
        "    expect: {effect: allow}\n"
    )
    said = plain(submit(browser, path, "", text=sent))
    assert "1 cases, 1 wrong" in said
    assert "cases:2 reads are allowed : effect is deny and not allow" in said
    assert "no case is decided by tickets rule 1" in said
    assert "cases:1:1: the file has no key" in plain(submit(browser, path, "", text="x: 1"))


# --- the inbox ---


def inbox(user: Any, query: str = "") -> str:
    return plain(browser_of(user).get(f"{INBOX}{query}"))


def test_a_proposal_is_in_the_inbox_of_those_who_may_confirm_it(ada, bob, vera):
    version = waiting(ada)
    of_bob = inbox(bob)
    assert f"Loosen the policy: {version}" in of_bob
    assert "You may confirm it by ada" in of_bob
    assert f'href="{page(version)}#decide"' in text(browser_of(bob).get(INBOX))
    assert "For bob , not you: you proposed it, and another person confirms it" in inbox(ada)
    assert "For bob , not you: it takes the role approver or admin" in inbox(vera)
    assert str(version) in inbox(bob, "?mine=1&show=policies")
    assert str(version) not in inbox(ada, "?mine=1")
    assert str(version) not in inbox(vera, "?mine=1")
    assert str(version) not in inbox(bob, "?q=elsewhere")


def test_an_old_version_that_is_proposed_again_waits_since_then(ada):
    version = waiting(ada)
    PolicyVersion.objects.update(loaded_at="2020-01-01T00:00:00Z")
    line = inbox(ada).partition(f"Loosen the policy: {version}")[0]
    assert "policy for" in line[-60:], line[-60:]
    assert "years" not in line[-60:]


# --- inert, and quick ---


def test_hostile_text_is_text(ada, bob):
    name = f"x{EVIL}"[:90].replace("\u202e", "").replace("\u2066", "").replace("\u200b", "")
    quoted = name.replace("'", "''")
    policy = f"  - name: '{quoted}'\n    description: '{quoted}'\n"
    rules = "rules: [{action: read, effect: allow, message: '<b>'}]"
    rest = f"    resources: [{{type: file}}]\n    {rules}\n"
    version = kept(f"# {EVIL}\n{LOOSE}{policy}{rest}", EVIL)
    assert not activation.propose(version, by=ada).active
    browser = browser_of(bob)
    do(browser, version, "refuse", reason=EVIL)
    pages = [POLICIES, page(version), f"{ASK}?type=file&name=a&action=read&of={version.pk}"]
    for path in [*pages, INBOX]:
        shown = text(browser.get(path))
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert not re.search("[\u202e\u2066\u200b]", shown), path
    assert SEEN in text(browser.get(page(version)))
    answer = browser.post(ADD, {"text": f"policies: '{EVIL}'", "source": EVIL, "do": "keep"})
    assert "<script>alert" not in text(answer)


def test_a_page_asks_the_database_few_questions_however_many_versions_there_are(
    ada, bob, monkeypatch
):
    monkeypatch.setattr(current, "CHECKED_EVERY_S", 3600.0)  # a page that takes long asks twice
    version = waiting(ada)
    browser = browser_of(bob)
    paths = (POLICIES, page(version), f"{BUILT_IN}change/")

    def asked() -> dict[str, int]:
        found = {}
        for path in paths:
            current.forget()
            with CaptureQueriesContext(connection) as captured:
                assert browser.get(path).status_code == 200
            found[path] = len(captured)
        return found

    before = asked()
    for number in range(8):
        kept(STRICT.replace("needs an approval", f"is asked for {number}"))
    assert asked() == before
    assert max(before.values()) <= 25, before
