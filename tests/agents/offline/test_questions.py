"""What the ticket does not tell is asked, at most twice, and never guessed."""

from __future__ import annotations

import pytest

from tests.agents.offline.conversation import converse
from tests.agents.offline.repositories import container, demo, find, kustomized

SHOP = "ghcr.io/acme/shop:2.3.1"


def test_an_unknown_application_without_an_image_is_asked_for_it() -> None:
    talk = converse(demo(), "Deploy shop", answers=[SHOP])
    assert talk.questions[0].startswith("Which image or version should run? For shop")
    assert container(talk.changed, "shop")["image"] == SHOP


@pytest.mark.parametrize("answer", [SHOP, f"use {SHOP}", f"the image is {SHOP}.", f"`{SHOP}`"])
def test_an_image_is_understood_in_every_form_of_answer(answer: str) -> None:
    talk = converse(demo(), "Deploy shop", answers=[answer])
    assert container(talk.changed, "shop")["image"] == SHOP


def test_a_repository_without_a_tag_is_asked_for_the_version() -> None:
    talk = converse(demo(), "Deploy ghcr.io/acme/shop", answers=["2.3.1"])
    assert "Of ghcr.io/acme/shop only the version is missing." in talk.questions[0]
    assert container(talk.changed, "shop")["image"] == SHOP


def test_mentioned_software_is_offered_and_not_taken() -> None:
    talk = converse(demo(), "Deploy the landing page with nginx 1.27", answers=["yes"])
    assert talk.of("ask_question")[0]["options"] == ["nginx:1.27"]
    assert container(talk.changed, "landing-page")["image"] == "nginx:1.27"


def test_an_update_without_a_version_is_asked_for_it() -> None:
    talk = converse(kustomized(), "Roll back web", answers=["0.9.0"])
    assert talk.questions[0].startswith("Which image or version should run?")
    assert container(talk.changed, "web")["image"].endswith(":0.9.0")


@pytest.mark.parametrize("answer", ["five", "5", "5 replicas", "make it 5 replicas"])
def test_a_scale_without_a_number_is_asked_for_it(answer: str) -> None:
    talk = converse(demo(), "Scale hello", answers=[answer])
    assert find(talk.changed, "Deployment", "hello")["spec"]["replicas"] == 5


def test_a_host_without_a_port_is_asked_for_it() -> None:
    title = f"Deploy shop with image {SHOP} at shop.example.com"
    talk = converse(demo(), title, answers=["8080"])
    assert "On which port does shop listen?" in talk.questions[0]
    assert find(talk.changed, "Service", "shop")["spec"]["ports"][0]["port"] == 8080


def test_several_applications_are_asked_about_one_at_a_time() -> None:
    talk = converse(demo(), "Deploy nginx 1.27 and redis", answers=["nginx"])
    assert talk.of("ask_question")[0]["options"] == ["nginx", "redis"]
    assert all("redis" not in path for path in talk.changed)


def test_a_ticket_that_is_not_understood_gets_examples_as_options() -> None:
    talk = converse(demo(), "Why is checkout slow?", answers=["Scale hello to 3 replicas"])
    question = talk.of("ask_question")[0]
    assert "Without a language model" in question["question"]
    assert "Remove hello" in question["options"]
    assert find(talk.changed, "Deployment", "hello")["spec"]["replicas"] == 3


def test_every_option_offered_is_understood() -> None:
    options = converse(demo(), "Why?").of("ask_question")[0]["options"]
    for option in options:
        assert converse(demo(), "Why?", answers=[option]).end == "resolve", option


def test_the_answer_replaces_a_ticket_that_was_not_understood() -> None:
    ticket = "Checkout 9.9 is slow in namespace kube-system, why?"
    talk = converse(demo(), ticket, answers=["Deploy nginx 1.27"])
    assert find(talk.changed, "Deployment", "nginx")["metadata"]["namespace"] == "demo"


def test_after_two_answers_that_say_nothing_it_gives_up() -> None:
    talk = converse(demo(), "Why is checkout slow?", answers=["dunno", "no idea", "hm"])
    assert len(talk.questions) == 2
    assert "I did not understand the answer." in talk.questions[1]
    assert talk.end == "give_up"


@pytest.mark.parametrize("answer", ["give up", "Cancel", "never mind", "please stop"])
def test_a_person_can_end_it_with_any_answer(answer: str) -> None:
    talk = converse(demo(), "Deploy shop", answers=[answer])
    assert talk.reason == "A person asked to give up."


def test_an_answer_may_say_more_than_was_asked() -> None:
    answer = f"{SHOP} on port 8080 with 4 replicas"
    talk = converse(demo(), "Deploy shop", answers=[answer])
    assert container(talk.changed, "shop")["ports"][0]["containerPort"] == 8080
    assert find(talk.changed, "Deployment", "shop")["spec"]["replicas"] == 4


def test_a_question_without_its_tool_is_the_end() -> None:
    talk = converse(demo(), "Deploy shop", tools=["git_list_files", "git_read_file", "give_up"])
    assert "I need the tool ask_question" in talk.reason


def test_without_any_way_to_end_it_says_so_in_words() -> None:
    talk = converse(demo(), "Deploy shop", tools=["git_list_files", "git_read_file"])
    assert talk.replies[-1].tool_calls == ()
    assert "ask_question" in talk.replies[-1].text


@pytest.mark.parametrize(
    ("answer", "name", "image"),
    [
        ("nginx 1.27", "nginx", "nginx:1.27"),
        ("nginx 1.27, please", "nginx", "nginx:1.27"),
        ("nginx:1.27 in namespace web", "nginx", "nginx:1.27"),
        (f"{SHOP}, with 2 replicas", "shop", SHOP),
    ],
)
def test_what_is_to_be_deployed_may_be_told_in_any_words(
    answer: str, name: str, image: str
) -> None:
    talk = converse(demo(), "Deploy an application", answers=[answer])
    assert talk.questions[0].startswith("Which application is meant?")
    assert container(talk.changed, name)["image"] == image


@pytest.mark.parametrize("answer", ["no idea", "whatever you like", "I don't know", "not nginx"])
def test_an_answer_that_names_nothing_is_no_name(answer: str) -> None:
    talk = converse(demo(), "Deploy an application", answers=[answer, "nginx:1.27"])
    assert len(talk.questions) == 2
    assert talk.questions[1].startswith("Which application is meant?")
    assert container(talk.changed, "nginx")["image"] == "nginx:1.27"
