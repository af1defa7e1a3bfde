"""Conditions are taken apart completely and stay SQL: a part that is overlooked would be a hole nobody plants."""

from tests.sabotage.conditions import weakened, weakened_query


def whats(mutants) -> list[str]:
    return [m.what for m in mutants]


def test_when_alternatives_are_weakened_then_each_is_gone_once():
    assert whats(weakened("((a = 1) OR (b = ANY (ARRAY( SELECT f() AS f))))")) == [
        "never (a = 1)",
        "never (b = ANY (ARRAY( SELECT f() AS f)))",
    ]


def test_when_requirements_are_weakened_then_each_is_left_out_also_inside_an_alternative():
    found = list(weakened("(a OR (b AND c))"))

    assert whats(found) == ["never a", "never (b AND c)", "without b", "without c"]
    assert found[2].text.replace(" ", "") == "(aOR(trueANDc))"


def test_when_a_word_of_sql_is_in_quotes_then_it_is_text():
    assert whats(weakened("(a = 'x OR y')")) == []


def test_when_a_condition_asks_a_sub_select_then_its_requirements_count():
    assert whats(weakened("(a = ANY (ARRAY( SELECT t.id FROM t WHERE (t.b AND t.c))))")) == [
        "without (t.b AND t.c)",
        "without t.b",
        "without t.c",
    ]


def test_when_a_function_is_weakened_then_its_arms_and_the_requirements_of_each_where_go():
    body = " SELECT a FROM t WHERE x = 1 AND (EXISTS (SELECT FROM u WHERE u.y) OR z) UNION ALL SELECT b FROM v WHERE w LIMIT 1 "

    found = list(weakened_query(body, "uuid"))

    assert whats(found) == [
        "arm 1 of 2 gone",
        "arm 2 of 2 gone",
        "without x = 1",
        "without (EXISTS (SELECT FROM u WHERE u.y) OR z)",
        "never EXISTS (SELECT FROM u WHERE u.y)",
        "never z",
        "without u.y",
        "without w",
    ]
    assert found[1].text.split() == (body.split("UNION")[0] + "UNION ALL SELECT NULL::uuid WHERE false").split()


def test_when_a_function_answers_yes_or_no_then_its_requirements_go():
    found = whats(weakened_query(" SELECT k = 'staff' AND EXISTS (SELECT FROM u WHERE u.a AND u.b) ", "boolean"))

    assert found == [
        "without u.a",
        "without u.b",
        "without k = 'staff'",
        "without EXISTS (SELECT FROM u WHERE u.a AND u.b)",
    ]
