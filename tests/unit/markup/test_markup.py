"""What people read on each platform. What breaks without this: marks in place of looks, unmeant calls, lost words."""

from __future__ import annotations

import itertools

import pytest

from llmagent_os.markup import DISCORD, MIN_LIMIT, PLAIN, SLACK, TELEGRAM, Dialect, pieces, render

ALL = [SLACK, TELEGRAM, DISCORD, PLAIN]
ZW = "\u200b"

#: Markdown, and what Slack, Telegram, Discord and plain text make of it.
CASES = {
    "bold and italic": ("**a** *b* _c_", "*a* _b_ _c_", "<b>a</b> <i>b</i> <i>c</i>", "**a** *b* *c*", "a b c"),
    "both at once": ("***a***", "*_a_*", "<b><i>a</i></b>", "***a***", "a"),
    "strikethrough": ("~~a~~", "~a~", "<s>a</s>", "~~a~~", "a"),
    "bold inside a word": ("un**do**ing", f"un{ZW}*do*{ZW}ing", "un<b>do</b>ing", "un**do**ing", "undoing"),
    "bold before a comma": ("**a**, b", "*a*, b", "<b>a</b>, b", "**a**, b", "a, b"),
    "bold over two lines": ("**a\nb**", "*a*\n*b*", "<b>a</b>\n<b>b</b>", "**a**\n**b**", "a\nb"),
    "one style in another": ("**a _b_**", "*a* *_b_*", "<b>a</b> <b><i>b</i></b>", "**a** ***b***", "a b"),
    "code": ("`x < 1`", "`x &lt; 1`", "<code>x &lt; 1</code>", "`x < 1`", "x < 1"),
    "code with a backtick": ("`` a`b ``", "a`b", "<code>a`b</code>", "`` a`b ``", "a`b"),
    "code in bold": ("**`a`**", "`a`", "<code>a</code>", "`a`", "a"),
    "a link": (
        "[a & b](https://e.org/?x=1&y=2)",
        "<https://e.org/?x=1&amp;y=2|a &amp; b>",
        '<a href="https://e.org/?x=1&amp;y=2">a &amp; b</a>',
        "[a & b](https://e.org/?x=1&y=2)",
        "a & b (https://e.org/?x=1&y=2)",
    ),
    "a link with brackets in it": (
        "[a](https://e.org/b_(c))",
        "<https://e.org/b_(c)|a>",
        '<a href="https://e.org/b_(c)">a</a>',
        "[a](https://e.org/b_%28c%29)",
        "a (https://e.org/b_(c))",
    ),
    "an address with underscores": (
        "(see https://e.org/_b_c_d.)",
        "(see <https://e.org/_b_c_d>.)",
        '(see <a href="https://e.org/_b_c_d">https://e.org/_b_c_d</a>.)',
        "(see https://e.org/_b_c_d.)",
        "(see https://e.org/_b_c_d.)",
    ),
    "an address in bold": (
        "**https://e.org**",
        "*<https://e.org>*",
        '<b><a href="https://e.org">https://e.org</a></b>',
        "**https://e.org**",
        "https://e.org",
    ),
    "a link whose words are an address": (
        "[https://a.org](https://b.org)",
        "<https://b.org|https://a.org>",
        '<a href="https://b.org">https://a.org</a>',
        "https://a.org (https://b.org)",
        "https://a.org (https://b.org)",
    ),
    "a link to mail": (
        "[Ana](mailto:ana@e.org)",
        "<mailto:ana@e.org|Ana>",
        "Ana (ana@e.org)",
        "Ana (ana@e.org)",
        "Ana (ana@e.org)",
    ),
    "an image": (
        "![a cat](https://e.org/c.png)",
        "<https://e.org/c.png|a cat>",
        '<a href="https://e.org/c.png">a cat</a>',
        "[a cat](https://e.org/c.png)",
        "a cat (https://e.org/c.png)",
    ),
    "a link that runs a script": ("[**a** b](javascript:alert(1))", "*a* b", "<b>a</b> b", "**a** b", "a b"),
    "a link that holds data": ("[a](data:text/html;base64,AAAA)", "a", "a", "a", "a"),
    "a heading": ("# A *b*", "*A* *_b_*", "<b>A</b> <b><i>b</i></b>", "# A *b*", "A b"),
    "a small heading": ("###### A", "*A*", "<b>A</b>", "### A", "A"),
    "a list": (
        "a:\n- b\n- c\n  - d",
        "a:\n• b\n• c\n  • d",
        "a:\n• b\n• c\n  • d",
        "a:\n- b\n- c\n  - d",
        "a:\n• b\n• c\n  • d",
    ),
    "a numbered list": ("7. b\n7. c\n\n   d", *["7. b\n8. c\n\n  d"] * 4),
    "a list with room": ("- b\n\n- c", "• b\n\n• c", "• b\n\n• c", "- b\n\n- c", "• b\n\n• c"),
    "a task list": ("- [ ] a\n- [x] b", *["☐ a\n☑ b"] * 4),
    "a quotation": ("> a\n>\n> b", "> a\n> \n> b", "<blockquote>a\n\nb</blockquote>", "> a\n> \n> b", "> a\n> \n> b"),
    "a quotation in another": ("> a\n> > b", "> a\n> b", "<blockquote>a\nb</blockquote>", "> a\n> b", "> a\n> b"),
    "a block of code": (
        "```py\nif a < b:\n    c\n```",
        "```\nif a &lt; b:\n    c\n```",
        '<pre><code class="language-py">if a &lt; b:\n    c</code></pre>',
        "```py\nif a < b:\n    c\n```",
        "if a < b:\n    c",
    ),
    "a block of code that holds a fence": (
        "~~~\n```\n~~~",
        f"```\n`{ZW}`{ZW}`\n```",
        "<pre>```</pre>",
        f"```\n`{ZW}`{ZW}`\n```",
        "```",
    ),
    "a language that is none": ('```"><b>\na\n```', "```\na\n```", "<pre>a</pre>", "```\na\n```", "a"),
    "a table": (
        "| a | **b** |\n|---|---|\n| 長い | d |",
        "```\na    | b\n-----|--\n長い | d\n```",
        "<pre>a    | b\n-----|--\n長い | d</pre>",
        "```\na    | b\n-----|--\n長い | d\n```",
        "a    | b\n-----|--\n長い | d",
    ),
    "a table with too many cells": (
        "|a|\n|-|\n|b|c|",
        "|a|\n|-|\n|b|c|",
        "|a|\n|-|\n|b|c|",
        r"\|a\|" + "\n" + r"\|-\|" + "\n" + r"\|b\|c\|",
        "|a|\n|-|\n|b|c|",
    ),
    "a rule": ("a\n---\nb", *["a\n──────────\nb"] * 4),
    "line ends": ("a\r\nb\rc\n\n\n\nd", *["a\nb\nc\n\nd"] * 4),
    "html": ("<b>a</b>", "&lt;b&gt;a&lt;/b&gt;", "&lt;b&gt;a&lt;/b&gt;", "<b>a</b>", "<b>a</b>"),
    "a list of sources": (
        "a [1]\n\n[1]: https://e.org",
        "a [1]\n\n[1]: <https://e.org>",
        'a [1]\n\n[1]: <a href="https://e.org">https://e.org</a>',
        "a \\[1\\]\n\n\\[1\\]: https://e.org",
        "a [1]\n\n[1]: https://e.org",
    ),
    "marks that are none": (
        "2 * 3, snake_case_name, ~/one",
        "2 * 3, snake_case_name, ~/one",
        "2 * 3, snake_case_name, ~/one",
        "2 \\* 3, snake\\_case\\_name, \\~/one",
        "2 * 3, snake_case_name, ~/one",
    ),
    "marks that another platform would take for some": (
        r"\*a\* ~b~ \> c",
        f"*{ZW}a{ZW}* ~{ZW}b{ZW}~ &gt; c",
        "*a* ~b~ &gt; c",
        r"\*a\* \~b\~ > c",
        "*a* ~b~ > c",
    ),
    "starts of lines that are none": (
        "\\# a\n\\> b\n\\- c\n1986\\. d",
        f"# a\n{ZW}&gt; b\n- c\n1986. d",
        "# a\n&gt; b\n- c\n1986. d",
        "\\# a\n\\> b\n\\- c\n1986\\. d",
        "# a\n> b\n- c\n1986. d",
    ),
    "calls to everybody": (
        "@everyone <!channel> <@U1> <@&2> `@here`",
        "@everyone &lt;!channel&gt; &lt;@U1&gt; &lt;@&amp;2&gt; `@here`",
        "@everyone &lt;!channel&gt; &lt;@U1&gt; &lt;@&amp;2&gt; <code>@here</code>",
        f"@{ZW}everyone <!channel> <{ZW}@U1> <{ZW}@&2> `@{ZW}here`",
        "@everyone <!channel> <@U1> <@&2> @here",
    ),
    "bold that is not finished": ("a **b", f"a *{ZW}*{ZW}b", "a **b", "a \\*\\*b", "a **b"),
    "a fence that is not finished": (
        "```py\na",
        "```\na\n```",
        '<pre><code class="language-py">a</code></pre>',
        "```py\na\n```",
        "a",
    ),
    "a link that is not finished": (
        "[a](https://e",
        "[a](<https://e>",
        '[a](<a href="https://e">https://e</a>',
        r"\[a\](https://e",
        "[a](https://e",
    ),
    "a list that is not finished": ("a:\n-", "a:\n-", "a:\n-", "a:\n\\-", "a:\n-"),
    "halves of characters": ("a\ud800b\ud83d\ude80\x00\x1b", *["a�b🚀"] * 4),
    "bold beside Japanese punctuation": (
        "これは**「重要」**です",
        f"これは{ZW}*「重要」*{ZW}です",
        "これは<b>「重要」</b>です",
        "これは**「重要」**です",
        "これは「重要」です",
    ),
    "italic and strikethrough beside Japanese punctuation": (
        "これは*「a」*です~~（b）~~。",
        f"これは{ZW}_「a」_{ZW}です{ZW}~（b）~{ZW}。",
        "これは<i>「a」</i>です<s>（b）</s>。",
        "これは*「a」*です~~（b）~~。",
        "これは「a」です（b）。",
    ),
    "bold beside Korean words": (
        "한국어**(중요)**입니다",
        f"한국어{ZW}*(중요)*{ZW}입니다",
        "한국어<b>(중요)</b>입니다",
        "한국어**(중요)**입니다",
        "한국어(중요)입니다",
    ),
    "bold beside Chinese quotation marks": (
        "中文**“重点”**吗",
        f"中文{ZW}*“重点”*{ZW}吗",
        "中文<b>“重点”</b>吗",
        "中文**“重点”**吗",
        "中文“重点”吗",
    ),
    "bold that ends before a Japanese letter": (
        "**a。**です",
        f"*a。*{ZW}です",
        "<b>a。</b>です",
        "**a。**です",
        "a。です",
    ),
    "an emoji is no Japanese letter": (
        "😀**(a)**b",
        f"😀*{ZW}*{ZW}(a)*{ZW}*{ZW}b",
        "😀**(a)**b",
        "😀\\*\\*(a)\\*\\*b",
        "😀**(a)**b",
    ),
    "numbers with gaps": ("3. a\n25. b", "3. a\n25. b", "3. a\n25. b", "3\\. a\n25\\. b", "3. a\n25. b"),
    "numbers with brackets": ("1) a\n2) b", *["1) a\n2) b"] * 4),
    "one number for every item": ("1. a\n1. b\n1. c", *["1. a\n2. b\n3. c"] * 4),
    "numbers with gaps around another list": (
        "1. a\n   - x\n2. b\n5. c\n   1) y",
        "1. a\n  • x\n2. b\n5. c\n  1) y",
        "1. a\n  • x\n2. b\n5. c\n  1) y",
        "1\\. a\n  - x\n2\\. b\n5\\. c\n  1) y",
        "1. a\n  • x\n2. b\n5. c\n  1) y",
    ),
    "a date that looks like a list": ("25. Dezember", *["25. Dezember"] * 4),
    "numbered tasks": ("3. [ ] a\n4. [x] b", *["3. ☐ a\n4. ☑ b"] * 4),
    "a line break in a cell": (
        "| a | b |\n|---|---|\n| x<br>y | z<BR />長い |\n| c | d |",
        "```\na | b\n--|-----\nx | z\ny | 長い\nc | d\n```",
        "<pre>a | b\n--|-----\nx | z\ny | 長い\nc | d</pre>",
        "```\na | b\n--|-----\nx | z\ny | 長い\nc | d\n```",
        "a | b\n--|-----\nx | z\ny | 長い\nc | d",
    ),
    "a line break in the head of a table": (
        "| a<br>b | c |\n|---|---|\n| d | e |",
        "```\na | c\nb\n--|--\nd | e\n```",
        "<pre>a | c\nb\n--|--\nd | e</pre>",
        "```\na | c\nb\n--|--\nd | e\n```",
        "a | c\nb\n--|--\nd | e",
    ),
    "a line break of HTML": (
        "a<br/>b `<br>`",
        "a\nb `&lt;br&gt;`",
        "a\nb <code>&lt;br&gt;</code>",
        "a\nb `<br>`",
        "a\nb <br>",
    ),
    "a line break in a heading": ("# a<br>b", "*a b*", "<b>a b</b>", "# a b", "a b"),
    "paths": (
        r"C:\new\table, \\server\share (C:\.config) ~\.ssh **C:\new\**",
        r"C:\new\table, \\server\share (C:\.config) ~\.ssh *C:\new\*",
        r"C:\new\table, \\server\share (C:\.config) ~\.ssh <b>C:\new\</b>",
        r"C:\\new\\table, \\\\server\\share (C:\\.config) \~\\.ssh **C:\\new\\**",
        r"C:\new\table, \\server\share (C:\.config) ~\.ssh C:\new" + "\\",
    ),
    "paths with marks in them": (
        r"%TEMP%\_a (D:\*.txt) ..\-b",
        r"%TEMP%\_a (D:\*.txt) ..\-b",
        r"%TEMP%\_a (D:\*.txt) ..\-b",
        r"%TEMP%\\\_a (D:\\\*.txt) ..\\-b",
        r"%TEMP%\_a (D:\*.txt) ..\-b",
    ),
    "paths that the model has escaped": (
        r"C:\\new\\table \\\\server\\share",
        r"C:\new\table \\server\share",
        r"C:\new\table \\server\share",
        r"C:\\new\\table \\\\server\\share",
        r"C:\new\table \\server\share",
    ),
    "escapes that are no paths": (
        r"snake\_case \#1 a\\b 5\.",
        "snake_case #1 a\\b 5.",
        "snake_case #1 a\\b 5.",
        r"snake\_case #1 a\\b 5.",
        "snake_case #1 a\\b 5.",
    ),
    "right to left": ("**שלום** עולם", "*שלום* עולם", "<b>שלום</b> עולם", "**שלום** עולם", "שלום עולם"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("markdown", "dialect", "expected"),
    [
        pytest.param(markdown, dialect, expected, id=f"{name}-{type(dialect).__name__}")
        for name, (markdown, *expecteds) in CASES.items()
        for dialect, expected in zip(ALL, expecteds, strict=True)
    ],
)
def test_it_looks_as_it_was_meant(markdown: str, dialect: Dialect, expected: str) -> None:
    assert render(markdown, dialect) == expected
    assert pieces(markdown, dialect, 4000) == (expected,)


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("blank", ["", " \n\t\r\n", "\u3000\u200b", "\x00"])
def test_nothing_is_sent_where_there_is_nothing_to_say(dialect: Dialect, blank: str) -> None:
    assert pieces(blank, dialect, 100) == ()
    assert render(blank, dialect) == ""


@pytest.mark.parametrize("dialect", ALL)
def test_a_long_text_arrives_with_every_word(dialect: Dialect) -> None:
    words = [f"word{number}" for number in range(3000)]
    sent = pieces(" ".join(words), dialect, 2000)
    assert " ".join(sent).split() == words
    assert len(sent) == 13  # as few as can be


def test_a_message_ends_where_a_paragraph_does() -> None:
    paragraphs = ["a " * 30 + "a", "b " * 30 + "b", "c " * 30 + "c"]
    assert pieces("\n\n".join(paragraphs), PLAIN, 130) == ("\n\n".join(paragraphs[:2]), paragraphs[2])


def test_a_heading_is_not_left_behind() -> None:
    assert pieces(f"{'a ' * 40}\n\n# B\n\n{'c ' * 20}", PLAIN, 100) == ("a " * 39 + "a", "B\n\n" + "c " * 19 + "c")


def test_a_list_is_kept_together_and_then_broken_between_items() -> None:
    items = "\n".join(f"- item {number} {'x' * 20}" for number in range(3))
    assert [piece.count("•") for piece in pieces(f"{'a ' * 20}\n\n{items}", PLAIN, 100)] == [0, 3]
    many = "\n".join(f"{number}. item {'x' * 20}" for number in range(1, 8))
    assert pieces(many, PLAIN, 100) == tuple("\n".join(many.split("\n")[at : at + 3]) for at in (0, 3, 6))


def test_a_paragraph_is_broken_between_lines_then_sentences() -> None:
    lines = ["a" * 60, "b" * 60, "Yes, b. " * 14 + "Yes."]
    first, second, *rest = pieces("\n".join(lines), PLAIN, 100)
    assert first == lines[0]
    assert second.startswith(lines[1] + "\nYes, b.")
    assert all(piece.endswith(".") for piece in [second, *rest])


@pytest.mark.parametrize(("dialect", "start"), [(SLACK, "```\n"), (DISCORD, "```py\n")])
def test_code_that_goes_on_in_the_next_message_is_code_there(dialect: Dialect, start: str) -> None:
    sent = pieces("```py\n" + "    x = 1\n" * 30 + "```", dialect, 100)
    assert len(sent) > 3
    assert all(piece.startswith(start + "    x = 1\n") and piece.endswith("    x = 1\n```") for piece in sent)


def test_code_that_goes_on_on_telegram_keeps_its_language() -> None:
    sent = pieces("```py\n" + "    x = 1\n" * 30 + "```", TELEGRAM, 100)
    assert all(piece.startswith('<pre><code class="language-py">    x') for piece in sent)


@pytest.mark.parametrize(("dialect", "mark"), [(SLACK, "*"), (DISCORD, "**")])
def test_bold_that_goes_on_in_the_next_message_is_bold_there(dialect: Dialect, mark: str) -> None:
    sent = pieces(f"**{'a ' * 200}a**", dialect, 100)
    assert all(piece.startswith(f"{mark}a") and piece.endswith(f"a{mark}") for piece in sent)


@pytest.mark.parametrize("dialect", ALL)
def test_a_link_is_never_broken(dialect: Dialect) -> None:
    link = "[some words](https://example.org/a/long/address)"
    sent = pieces(" ".join([link] * 20), dialect, 150)
    assert sum(piece.count(render(link, dialect)) for piece in sent) == 20


@pytest.mark.parametrize("dialect", [SLACK, DISCORD, PLAIN])
def test_a_link_longer_than_a_message_is_written_out(dialect: Dialect) -> None:
    sent = pieces(f"[words](https://example.org/{'a' * 500})", dialect, 100)
    assert sent[0].startswith("words")
    assert "".join(sent).count("a") == 501
    assert "<" not in "".join(sent)


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("character", ["👩‍🚀", "e\u0301\u0323", "👍🏽", "🇫🇷", "🏴\U000e0067\U000e0062\U000e007f", "❤️"])
def test_a_character_is_never_broken(dialect: Dialect, character: str) -> None:
    for piece in pieces("x" + character * 150, dialect, 100):
        assert piece.removeprefix("x").replace(character, "") == ""


@pytest.mark.parametrize("dialect", ALL)
def test_a_word_with_more_accents_than_fit_is_still_sent(dialect: Dialect) -> None:
    assert "".join(pieces("e" + "\u0301" * 500, dialect, 100)) == "e" + "\u0301" * 500


def test_telegram_counts_what_is_shown_in_utf_16() -> None:
    assert TELEGRAM.length('<a href="https://e.org"><b>&lt;🚀&gt;</b></a>&amp;amp;') == 4 + 5
    assert [TELEGRAM.length(piece) for piece in pieces(f"**{'🚀' * 150}**", TELEGRAM, 100)] == [100, 100, 100]


def test_discord_counts_code_points() -> None:
    assert [len(piece) for piece in pieces("🚀" * 150, DISCORD, 100)] == [100, 50]


def test_a_limit_that_nothing_fits_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{MIN_LIMIT - 1} is too short"):
        pieces("a", PLAIN, MIN_LIMIT - 1)


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(
    "pattern", [">", "> ", "[", "![", "*", "_", "`", "~", "- ", "|", "<", "\\", "&", "[a](", "*a_", "1. "]
)
def test_what_nests_without_end_is_still_sent(dialect: Dialect, pattern: str) -> None:
    text = pattern * 10_000 + "end"
    sent = pieces(text, dialect, 4000)
    assert sent[-1].replace(ZW, "").endswith("end") or "end" in sent[-1]
    assert all(dialect.length(piece) <= 4000 for piece in sent)


@pytest.mark.parametrize("dialect", ALL)
def test_lists_in_lists_without_end_lose_no_item(dialect: Dialect) -> None:
    text = "\n".join(f"{'  ' * depth}- item{depth}." for depth in range(60))
    shown = "\n".join(pieces(text, dialect, 4000))
    assert all(f"item{depth}." in shown for depth in range(60))


@pytest.mark.parametrize("dialect", ALL)
def test_a_table_of_empty_cells_does_not_become_a_hundred_messages(dialect: Dialect) -> None:
    wide = "|a" * 60 + "|\n" + "|-" * 60 + "|\n" + "|x|\n" * 300
    tall = f"|a|b|\n|-|-|\n|{'w' * 8000}|x|\n" + "|a|b|\n" * 300
    assert len(pieces(wide, dialect, 4000)) < 5
    assert len(pieces(tall, dialect, 4000)) < 20


@pytest.mark.parametrize("dialect", ALL)
def test_a_text_being_written_can_be_shown_at_any_moment(dialect: Dialect) -> None:
    markdown = "\n\n".join(case[0] for case in itertools.islice(CASES.values(), 40)).replace("\ud800", "")
    for end in range(0, len(markdown), 7):
        sent = pieces(markdown[:end], dialect, 300)
        assert bool(sent) == bool(markdown[:end].strip())
        assert all(piece.strip() and dialect.length(piece) <= 300 for piece in sent)
