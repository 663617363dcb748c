"""What holds for whatever a model writes. What breaks without this: a message that the platform refuses, lost words."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagent_os.markup import DISCORD, PLAIN, SLACK, TELEGRAM, Dialect, pieces, render

ALL = [SLACK, TELEGRAM, DISCORD, PLAIN]
LIMITS = st.integers(100, 400)

#: How long it takes says nothing on a machine that is shared.
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

#: Anything at all, and things that mean something.
SOUP = st.lists(
    st.one_of(
        st.sampled_from([*"*_~`#>-+|[]()!<>&\\@:. \n\t", "**", "```", "\n\n", "\n- ", "\n1. ", "\n> ", "    "]),
        st.sampled_from(["[a](https://e.org)", "https://e.org", "@everyone", "<@1>", "&amp;", "|-|\n", "- [ ] ", "🇫🇷"]),
        st.text(st.characters(), max_size=9),
        st.text("ab", min_size=1, max_size=120),
    ),
    max_size=60,
).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Markdown, and its visible words in order."""
    words: list[str] = []

    def word() -> str:
        words.append(f"w{len(words)}e")
        return words[-1]

    def phrase() -> str:
        looks = draw(
            st.lists(st.sampled_from(["{}", "**{}**", "_{}_", "~~{}~~", "`{}`", "[{}](https://e.org/)"]), max_size=9)
        )
        return " ".join(
            look.format(" ".join(word() for _ in range(draw(st.integers(1, 9))))) for look in ["{}", *looks]
        )

    def block() -> str:
        match draw(st.sampled_from(["paragraph", "heading", "code", "quote", "list", "numbers", "table"])):
            case "heading":
                return f"## {phrase()}"
            case "code":
                return (
                    "```py\n" + "\n".join(f"    {word()}  {word()}" for _ in range(draw(st.integers(1, 30)))) + "\n```"
                )
            case "quote":
                return f"> {phrase()}\n> {phrase()}"
            case "list":
                return "\n".join(f"{'  ' * depth}- {phrase()}" for depth in range(draw(st.integers(1, 9))))
            case "numbers":
                return "\n".join(f"{number}. {phrase()}" for number in range(1, draw(st.integers(2, 20))))
            case "table":
                rows = [f"| {word()} | {word()} |" for _ in range(draw(st.integers(1, 20)))]
                return "\n".join([rows[0], "|---|---|", *rows[1:]])
            case _:
                return f"{phrase()}.\n{phrase()}"

    return "\n\n".join(block() for _ in range(draw(st.integers(1, 6)))), words


class Checker(HTMLParser):
    """Raises where Telegram would refuse."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = {"a": ["href"], "code": ["class"]}.get(tag, [])
        assert tag in {"b", "i", "s", "code", "pre", "blockquote", "a"}
        assert [name for name, _ in attrs] in ([], allowed)
        assert all(re.match(r"https?://|language-[\w+#.-]+$", value or "") for _, value in attrs)
        assert tag not in self.open
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert "<" not in data
        assert "&" not in data
        self.text += data

    def handle_entityref(self, name: str) -> None:
        assert name in ("lt", "gt", "amp", "quot")
        self.text += html.unescape(f"&{name};")

    def handle_charref(self, name: str) -> None:
        raise AssertionError(name)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def checked(piece: str) -> str:
    """What Telegram shows."""
    checker = Checker()
    checker.feed(piece)
    checker.close()
    assert checker.open == []
    return checker.text


@pytest.mark.parametrize("dialect", ALL)
@relaxed
@given(document=documents(), limit=LIMITS)
def test_no_word_is_lost_doubled_or_moved(dialect: Dialect, document: tuple[str, list[str]], limit: int) -> None:
    markdown, words = document
    for sent in (pieces(markdown, dialect, limit), (render(markdown, dialect),)):
        assert re.findall(r"w\d+e", "\n".join(sent)) == words


@pytest.mark.parametrize("dialect", ALL)
@relaxed
@given(markdown=SOUP, limit=LIMITS)
def test_every_message_is_one_the_platform_takes(dialect: Dialect, markdown: str, limit: int) -> None:
    sent = pieces(markdown, dialect, limit)
    assert all(piece.strip() and dialect.length(piece) <= limit for piece in sent)
    assert all(piece.encode() for piece in sent)  # no half of a character
    assert bool(sent) == bool(render(markdown, dialect))


@pytest.mark.parametrize("dialect", ALL)
@relaxed
@given(markdown=st.text("ab *_~>#-+|\\\n!()", max_size=400), limit=LIMITS)
def test_no_letter_is_lost_whatever_the_marks(dialect: Dialect, markdown: str, limit: int) -> None:
    letters = re.sub("[^ab]", "", markdown)
    shown = "".join(pieces(markdown, dialect, limit))
    assert re.sub("[^ab]", "", checked(shown) if dialect is TELEGRAM else shown.replace("&amp;", "")) == letters


PATH_NAMES = st.text("abz_-.$1 ~#+", min_size=1, max_size=8).map(lambda name: f"x{name.strip()}x".replace(" ", ""))


@relaxed
@given(
    names=st.lists(st.one_of(PATH_NAMES, PATH_NAMES.map(lambda name: f".{name}")), min_size=1, max_size=5),
    root=st.sampled_from(["C:", "z:", "\\\\server", "~", "..", "%APPDATA%"]),
    around=st.sampled_from(["{}", "see {} there", "({})", '"{}", that is']),
)
def test_a_path_comes_out_as_it_was_typed(names: list[str], root: str, around: str) -> None:
    text = around.format("\\".join([root, *names]))
    assert render(text, PLAIN) == text
    assert checked(render(text, TELEGRAM)) == text
    assert re.sub(r"\\([\\*_~`|\[\]#>+.)-])", r"\1", render(text, DISCORD)) == text
    assert html.unescape(render(text, SLACK)).replace("\u200b", "") == text


@relaxed
@given(numbers=st.lists(st.integers(0, 999), min_size=2, max_size=9, unique=True), end=st.sampled_from(".)"))
@pytest.mark.parametrize("dialect", ALL)
def test_the_numbers_of_a_list_stay_as_they_were_written(dialect: Dialect, numbers: list[int], end: str) -> None:
    text = "\n".join(f"{number}{end} word" for number in numbers)
    assert render(text, dialect).replace("\\", "") == text


OPENING, CLOSING = "「（『“(【《'\"", "」）』”)】》'\"。、！"
JAPANESE = st.text("これは重要です漢字カナ한국어", min_size=1, max_size=6)


@relaxed
@given(
    before=JAPANESE,
    inside=st.tuples(st.sampled_from("「（『“(【《'\""), JAPANESE, st.sampled_from("」）』”)】》'\"。、！")).map(
        "".join
    ),
    after=JAPANESE,
)
def test_bold_words_beside_any_punctuation_are_bold_in_cjk_text(before: str, inside: str, after: str) -> None:
    assert render(f"{before}**{inside}**{after}", DISCORD) == f"{before}**{inside}**{after}"
    assert checked(render(f"{before}**{inside}**{after}", TELEGRAM)) == before + inside + after
    assert f"*{inside}*" in render(f"{before}**{inside}**{after}", SLACK)


@relaxed
@given(markdown=SOUP, limit=LIMITS)
def test_telegram_gets_html_it_can_read(markdown: str, limit: int) -> None:
    for piece in pieces(markdown, TELEGRAM, limit):
        assert len(checked(piece).encode("utf-16-le")) // 2 == TELEGRAM.length(piece)
        assert checked(piece).strip()


@relaxed
@given(markdown=SOUP, limit=LIMITS)
def test_slack_gets_no_tag_that_is_not_a_link_of_ours(markdown: str, limit: int) -> None:
    for piece in pieces(markdown, SLACK, limit):
        assert "<" not in re.sub(r"<(https?://[^/|<>]|mailto:)[^<>|]*(\|[^<>]*)?>", "", piece)
        assert re.search("&(?!amp;|lt;|gt;)", piece) is None
        assert piece.count("```") % 2 == 0


@relaxed
@given(markdown=SOUP, limit=LIMITS)
def test_discord_gets_whole_fences_and_calls_nobody(markdown: str, limit: int) -> None:
    for piece in pieces(markdown, DISCORD, limit):
        assert re.search(r"@everyone|@here|<[@#]", piece) is None
        lines = [line for line in piece.split("\n") if re.match(r"```[\w+#.-]*$", line)]
        assert len(lines) % 2 == 0
        assert all(line == "```" for line in lines[1::2])


@relaxed
@given(words=st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=80), min_size=1), limit=LIMITS)
@pytest.mark.parametrize("dialect", ALL)
def test_plain_words_stay_as_they_are(dialect: Dialect, words: list[str], limit: int) -> None:
    assert " ".join(pieces(" ".join(words), dialect, limit)).split() == " ".join(words).split()
