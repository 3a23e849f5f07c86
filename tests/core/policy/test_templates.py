"""An admin's own texts: what is refused, kept, noted; and nobody gets out of them."""

import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.boot import Hub
from hub.core.models import AuditEntry, MessageTemplate
from hub.core.policy import rendering, sandbox, templates, texts
from hub.core.policy.defaults import DEFAULTS, TITLES
from hub.core.policy.variables import VARIABLES, values
from hub.sdk.errors import InvalidError, NotFoundError
from hub.sdk.segments import is_gsm, segments
from tests.parts.ledger import all_of

KIND = "invoice.overdue"
LONE = {"company": {"name": "Smith"}, "days_overdue": 7}


def wrong(body: str, reach: str = "phone", kind: str = KIND) -> str:
    """All that is said of a text, and that it can't be previewed."""
    subject = "Hello" if reach == "email" else ""
    found = rendering.problems(reach, subject, body, kind)
    if found:
        with pytest.raises(InvalidError):
            rendering.preview(reach, kind, subject, body)
    return " ".join(found)


ESCAPES = [
    "{{ company.__class__ }}",
    "{{ company.name.__class__.__mro__ }}",
    "{{ ''.__class__ }}",
    "{{ company|attr('__class__') }}",
    "{{ company['__class__'] }}",
    "{{ '{0.__class__}'.format(company) }}",
    "{{ '%s' % company }}",
    "{{ 'x' * 10**9 }}",
    "{{ 10**9**9 }}",
    "{{ 'x' ~ 'y' }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ range(10**9) }}",
    "{{ lipsum(1000) }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ loop }}",
    "{{ namespace() }}",
    "{{ company.items() }}",
    "{{ company.items }}",
    "{{ company.name is defined }}",
    "{{ company.name|format }}",
    "{{ company.name|replace('a', 'b' ) }}",
    "{{ company.name|center(1000000) }}",
    "{{ company.name|default(company.name) }}",
    "{{ company.name|default(value='x') }}",
    "{{ 'a' if company.name }}",
    "{{ company.name[0] }}",
    "{{ -days_overdue }}",
    "{{ days_overdue + 1 }}",
    "{{ 'a' in company.name }}",
    "{{ company.name > 3 }}",
    "{{ days_overdue < 'x' }}",
    "{{ 1 < days_overdue < 9 }}",
    "{% for x in company.name %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call m() %}{% endcall %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% include '/etc/passwd' %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% set x = 1 %}",
    "{% with x = 1 %}{% endwith %}",
    "{% filter upper %}{% endfilter %}",
    "{% autoescape true %}{% endautoescape %}",
]


@pytest.mark.parametrize("body", ESCAPES)
def test_nothing_but_blanks_and_conditions_is_let_through(body: str) -> None:
    assert wrong(body)
    # Nor where it would not be reached now, or stands in the subject.
    assert wrong("{% if 1 == 2 %}" + body + "{% endif %}")
    assert rendering.problems("email", body, "Hello", KIND)
    with pytest.raises(InvalidError):
        sandbox.fill(body, LONE)


@pytest.mark.parametrize(
    "body",
    [
        "{{ " + "(" * 1900 + "1" + ")" * 1900 + " }}",
        "{{ " + "not " * 990 + "1 }}",
        "{{ " + "-" * 3900 + "1 }}",
        "{{ " + "[" * 1900 + "]" * 1900 + " }}",
        "{% if 1 %}" * 200 + "{% endif %}" * 180,
        "{% if 1 %}" * 190 + "{% endif %}" * 190,
        "{% if 1 %}" + "{% elif 1 %}" * 300 + "{% endif %}",
        "{{ 1" + " and 1" * 650 + " }}",
        "{{ company.name" + "|upper" * 650 + " }}",
        "{{ " + "9" * 3900 + " }}",
        "{{" * 2000,
        "{#" * 2000,
        "{% raw %}" * 400,
    ],
)
def test_huge_texts_are_refused_at_once(body: str) -> None:
    assert wrong(body[:4000])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "Write a text."),
        ("a\n{{ company.name }", "Line 2: "),
        ("{{ compny.name }}", "There is no variable 'compny.name' here. There are:"),
        ("{{ statement.lines }}", "amount, company.name, contact.name, days_overdue"),
        ("a\n\n{% for x in y %}{% endfor %}", "Line 3: {% for %} can't be used."),
        ("{% if days_overdue > open_amount %}{% endif %}", "More (>) and less (<)"),
        ("{{ days_overdue * 2 }}", "Arithmetic can't be used."),
        ("{{ link|safe }}", "There is no filter 'safe' here."),
        ("x" * 4001, "may have 4000 characters"),
        ("x" * 1600, "1578 is the most"),
        # The longer branch counts, though it wouldn't be taken now.
        (
            "{% if days_overdue %}a{% else %}" + "{{ link }}" * 11 + "{% endif %}",
            "1738",
        ),
        ("{{ company.name }}" * 45, "With long names the text has 1800 characters"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(body: str, said: str) -> None:
    assert said in wrong(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{% if days_overdue > 5 %}late{% endif %}", "late"),
        ("{% if days_overdue > 9 %}late{% elif open_amount %}open{% endif %}", "open"),
        ("{% if not open_amount or days_overdue != 7 %}a{% else %}b{% endif %}", "b"),
        ("{{ contact.name|upper }}", "ANA LIMA"),
        ('{{ contact.name|default("you", true) }}', "Ana Lima"),
        ("{# a note #}{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
        ("a\r\nb\n\n\n\n\nc  \n", "a\nb\n\nc"),
        ("\u201cIt\u2019s\u201d due \u2013 now\u2026\u00a0!", '"It\'s" due - now... !'),
    ],
)
def test_what_is_allowed_says_what_it_should(body: str, expected: str) -> None:
    assert not rendering.problems("phone", "", body, KIND)
    assert expected == rendering.preview("phone", KIND, "", body)["text"]


def test_signs_of_a_name_stay_as_they_are_whatever_they_cost() -> None:
    said = rendering.preview(
        "phone",
        KIND,
        "",
        "\u201c{{ company.name }}\u201d",
        {"company_name": "O\u2019Neill"},
    )
    assert '"O\u2019Neill"' == said["text"]


def test_a_message_has_a_text_and_a_subject() -> None:
    nothing = {"open_amount": ""}
    with pytest.raises(InvalidError, match="comes out with 0"):
        rendering.preview("phone", KIND, "", "{{ open_amount }}", nothing)
    said = rendering.preview("email", KIND, "{{ open_amount }}", "Hello\nyou", nothing)
    assert "Hello" == said["subject"]


def test_a_subject_is_one_line_and_short() -> None:
    said = rendering.preview(
        "email",
        KIND,
        "Hello\r\nBcc: all@example.com {{ company.name }}" + "x" * 300,
        "text",
        {"company_name": "Smith\r\nX-Evil: 1\u2028\u202e\0"},
    )["subject"]

    assert said.startswith("Hello Bcc: all@example.com Smith X-Evil: 1 xxx")
    assert said.isprintable()
    assert 200 == len(said)


@pytest.mark.parametrize(("reach", "kind"), list(DEFAULTS))
def test_every_default_could_be_saved_as_it_is(reach: str, kind: str) -> None:
    text = DEFAULTS[reach, kind]

    assert [] == rendering.problems(reach, text.subject, text.body, kind)
    assert kind in TITLES
    said = rendering.preview(reach, kind, text.subject, text.body)
    assert bool(said["subject"]) == (reach == "email")


@pytest.mark.parametrize("kind", [k for r, k in DEFAULTS if r == "phone"])
def test_default_texts_cost_two_segments_at_the_most(kind: str) -> None:
    said = rendering.preview("phone", kind, "", DEFAULTS["phone", kind].body)["text"]
    with_link = said + "x" * 110 + "\nReply STOP to opt out"

    assert is_gsm(with_link)
    assert 2 >= segments(with_link).count


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.sampled_from(list(DEFAULTS)),
)
def test_no_name_breaks_a_message(name: str, key: tuple[str, str]) -> None:
    reach, kind = key
    given_values: dict[str, Any] = dict.fromkeys(VARIABLES, name)
    given_values |= {"days_overdue": 3, "statement.count": 1}
    given_values |= {"link": "https://x.example/pay/1", "statement.lines": "A: 1"}

    said = texts.filled(reach, DEFAULTS[key], values(reach, kind, given_values))

    lines = said["text"].split("\n")
    assert all(line == "" or _harmless(line) for line in lines)
    assert _harmless(said["subject"]) or not said["subject"]
    assert "https://x.example/pay/1" in said["text"] or "link" not in DEFAULTS[key].body


def _harmless(line: str) -> bool:
    return line.splitlines() == [line] and not set(line) & set(
        "\0\x1b\u202e\u2067\u200f"
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            shlex.split(
                '{{ }} {% %} " if " " endif " " else " company .name link " and " ( )'
                ' |upper "\'x\'" 7 " == " {# #} a'
            )
        ),
        max_size=25,
    )
)
def test_a_text_without_problems_can_always_be_filled_in(parts: list[str]) -> None:
    body = "".join(parts)
    if not rendering.problems("email", "Hello", body, KIND):
        assert rendering.preview("email", KIND, "Hello", body)["subject"] == "Hello"
    else:
        with pytest.raises(InvalidError):
            rendering.preview("email", KIND, "Hello", body)


def own_texts(hub: Hub) -> list[str]:
    with hub.read() as session:
        return list(session.scalars(select(MessageTemplate.body)))


def test_own_texts_are_kept_noted_and_taken_back(hub: Hub) -> None:
    with hub.write() as session:
        made = templates.set(
            session, "phone", KIND, body="Pay {{ link }}", actor="user:ana@example.com"
        )
        assert made.own
    with hub.read() as session:
        found = templates.get(session, "phone", KIND)
        assert "Pay {{ link }}" == found.text.body
        assert "user:ana@example.com" == found.by
        assert [KIND] == [each.kind for each in templates.all(session) if each.own]
        assert len(DEFAULTS) == len(templates.all(session))
    with hub.write() as session:
        assert not templates.reset(session, "phone", KIND, actor="user:ana").own
        templates.reset(session, "phone", KIND, actor="user:ana")

    assert [] == own_texts(hub)
    assert ["message_template.changed", "message_template.reset"] == [
        each.action for each in all_of(hub, AuditEntry)
    ]


def test_what_has_problems_is_not_kept(hub: Hub) -> None:
    with hub.write() as session:
        with pytest.raises(InvalidError) as raised:
            templates.set(session, "phone", KIND, body="{{ nonsense }}")
        assert "no variable 'nonsense'" in str(raised.value.fields["body"])
        with pytest.raises(InvalidError, match="Write a subject"):
            templates.set(session, "email", KIND, body="Hello", subject=" ")
        with pytest.raises(InvalidError, match="has no subject"):
            templates.set(session, "phone", KIND, body="Hello", subject="Hi")
    assert [] == own_texts(hub)


@pytest.mark.parametrize(("reach", "kind"), [("fax", KIND), ("phone", "alert.raised")])
def test_there_are_texts_only_for_what_clients_are_told(
    hub: Hub, reach: str, kind: str
) -> None:
    with hub.read() as session, pytest.raises(NotFoundError):
        templates.get(session, reach, kind)
