"""Answers of calendar servers in XML, those that are made to do harm among them."""

from __future__ import annotations

import pytest

from llmagent_os.plugins.calendar.caldav.dav_xml import DavAnswerError, parse_multistatus

ANSWER = '<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a.ics</d:href></d:response></d:multistatus>'


def test_an_answer_is_read() -> None:
    assert [each.href for each in parse_multistatus(ANSWER.encode()).resources] == ["/a.ics"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_document_type_is_refused_in_every_encoding(encoding: str) -> None:
    name = "utf-16" if encoding.startswith("utf-16") else encoding
    body = f'<?xml version="1.0" encoding="{name}"?><!DOCTYPE d [<!ENTITY a "{"x" * 2000}">]>{ANSWER}'
    with pytest.raises(DavAnswerError, match="document type"):
        parse_multistatus(body.replace("/a.ics", "&a;" * 4000).encode(encoding))


@pytest.mark.parametrize(
    "body", [b"", b"<a", b"<a/>", b'<?xml version="1.0" encoding="foo"?><a/>', b"\xff\xfe\x00\xd8<"]
)
def test_what_is_no_answer_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(DavAnswerError):
        parse_multistatus(body)
