"""Mail: who wrote to whom, when and about what, the text in the form that says most, and what is attached as files."""

from __future__ import annotations

import io
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loading import load
from ingest.loading.limits import Limits
from ingest.loading.mails import Body, Mail
from ingest.loading.parsed import Attachment, Parsed
from ingest.loading.rtf_packed import unpacked
from rag.errors import FileRefused
from rag.types import State
from tests.conftest import shared_folder
from tests.ole_files import Tree, ole, properties

HEADER = b"From: Ann <ann@example.org>\nTo: bob@example.org\nDate: Tue, 28 Feb 2017 18:47:11 +0000\nSubject: Leave\n"


def mail(subject: str = "Leave", text: str = "Thirty days.") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.org>"
    message["To"] = "Bob <bob@example.org>, Zoë <zoe@example.org>"
    message["Cc"] = "Legal <legal@example.org>"
    message["Date"] = "Tue, 28 Feb 2017 18:47:11 +0000"
    message["Subject"] = subject
    message.set_content(text)
    return message


def texts(parsed: Parsed) -> dict[str, str]:
    return {each.name: load(each.name, each.data).document.text for each in parsed.attachments}


def test_a_mail_begins_with_what_people_look_for() -> None:
    parsed = load("a.eml", mail("Größe & Leave – ☃").as_bytes())
    assert parsed.document.text == (
        "From: Ann <ann@example.org>\nTo: Bob <bob@example.org>, Zoë <zoe@example.org>\nCc: Legal <legal@example.org>\n"
        "Date: Tue, 28 Feb 2017 18:47:11 +0000\nSubject: Größe & Leave – ☃\n\nThirty days."
    )
    assert parsed.document.title == "Größe & Leave – ☃"
    assert (parsed.attachments, parsed.refused) == ((), ())


def test_a_mail_without_a_subject_is_called_by_its_file() -> None:
    assert load("in/the_note.eml", b"From: a@example.org\n\nHello").document.title == "the note"


def test_attachments_are_files_and_pictures_in_the_text_are_not() -> None:
    message = mail()
    message.add_alternative("<p>Thirty <b>days</b>.</p><img src='cid:logo'>", subtype="html")
    [_, page] = message.iter_parts()
    assert isinstance(page, EmailMessage)
    page.add_related(b"\x89PNG", "image", "png", cid="<logo>")
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="../../etc/Ta\u202ebelle ä.csv")
    message.add_attachment(b"a,b\n1,3\n", maintype="text", subtype="csv", filename="etc_Tabelle ä.csv")
    message.add_attachment("note", filename="note.txt")
    message.add_attachment(b"\xff\xd8\xff", maintype="image", subtype="jpeg", filename="scan.jpg")
    parsed = load("a.eml", message.as_bytes())
    assert parsed.document.text.endswith("\n\nThirty days.")
    assert [(each.name, each.data) for each in parsed.attachments] == [
        ("etc_Tabelle ä.csv", b"a,b\n1,2\n"),
        ("etc_Tabelle ä (2).csv", b"a,b\n1,3\n"),
        ("note.txt", b"note\n"),
        ("scan.jpg", b"\xff\xd8\xff"),
    ]


def test_a_page_that_was_saved_as_one_file_is_its_text() -> None:
    saved = (
        b"From: <Saved by a browser>\nSubject: Leave\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=x; type=text/html\n\n"
        b"--x\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\nContent-Location: http://x\n\n<h1>Thirty=20days</h1>\n"
        b"--x\nContent-Type: text/css\nContent-Location: http://x/a.css\n\np{}\n"
        b"--x\nContent-Type: image/png\nContent-Location: http://x/a.png\nContent-Transfer-Encoding: base64\n\niVBO\n--x--\n"
    )
    for name in ("a.mht", "a.doc"):
        parsed = load(name, saved)
        assert parsed.document.text.endswith("# Thirty days")
        assert parsed.attachments == ()


def test_attachments_of_one_name_are_told_apart() -> None:
    message = mail()
    for name in ("a" * 300, "a" * 300, "a" * 300, "x.txt", "x (2).txt", "x.txt", "..", "..", "\u202e"):
        message.add_attachment(b"x", maintype="text", subtype="plain", filename=name)
    names = [each.name for each in load("a.eml", message.as_bytes()).attachments]
    assert len(names) == len(set(names)) == 9
    assert [each for each in names if each.endswith(".txt")] == ["x.txt", "x (2).txt", "x (3).txt"]
    assert names.count("unnamed") == 1


def test_a_mail_inside_a_mail_is_a_file() -> None:
    inner = mail("Inner", "The inner text.")
    inner.add_attachment(b"deep", maintype="text", subtype="plain", filename="deep.txt")
    outer = mail("Outer", "See below.")
    outer.add_attachment(inner)
    parsed = load("a.eml", outer.as_bytes())
    assert "inner" not in parsed.document.text
    [attached] = parsed.attachments
    assert attached.name == "Inner.eml"
    again = load(attached.name, attached.data)
    assert again.document.text.endswith("The inner text.")
    assert again.attachments == (Attachment("deep.txt", b"deep"),)


def test_html_is_read_where_the_plain_text_is_there_for_forms_sake() -> None:
    page = "<h1>Policy</h1>" + "<p>Leave is thirty days a year.</p>" * 40
    message = mail(text="Your program cannot show this mail.")
    message.add_alternative(page, subtype="html")
    document = load("a.eml", message.as_bytes()).document
    assert "Leave is thirty days" in document.text
    assert "cannot show" not in document.text
    assert [document.text[each.start :][:8] for each in document.sections] == ["# Policy"]


def test_the_foot_of_a_list_does_not_hide_the_text() -> None:
    data = HEADER + (
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
        b"--x\nContent-Type: text/html\n\n<p>The text.</p>\n--x\nContent-Type: text/plain\n\nTo unsubscribe, write.\n--x--\n"
    )
    assert load("a.eml", data).document.text.endswith("The text.\n\nTo unsubscribe, write.")


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("us-ascii", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("utf-8", "cp1252"),
        ("no-such", "utf-8"),
        ("hex", "cp1252"),
        ("gb2312", "gbk"),
    ],
)
def test_a_mail_that_lies_about_its_encoding_is_read(declared: str, sent: str) -> None:
    words = "你好，合同期限为三年。" if sent == "gbk" else "Größe: naïve café"
    data = HEADER + f"Content-Type: text/plain; charset={declared}\n\n".encode() + words.encode(sent)
    assert load("a.eml", data).document.text.endswith(words)


def test_raw_bytes_in_a_header_are_read() -> None:
    assert load("a.eml", "From: Zoë\nSubject: Größe\n\nx".encode()).document.title == "Größe"
    assert load("a.eml", "From: Zoë\nSubject: Größe\n\nx".encode("cp1252")).document.title == "Größe"


def test_a_mail_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    message = mail()
    message.add_attachment(bytes(2000), maintype="application", subtype="pdf", filename="a.pdf")
    parsed = load("a.eml", message.as_bytes()[:900])
    assert "Thirty days." in parsed.document.text
    assert [each.name for each in parsed.attachments] == ["a.pdf"]


def test_an_encrypted_mail_says_so() -> None:
    sealed = HEADER + b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIIB"
    with pytest.raises(FileRefused) as caught:
        load("a.eml", sealed)
    assert caught.value.state == "password-protected"


def test_nesting_and_numbers_are_bounded() -> None:
    deep = "From: a\nMIME-Version: 1.0\n" + "".join(
        f'Content-Type: multipart/mixed; boundary="b{each}"\n\n--b{each}\n' for each in range(3000)
    )
    document = load("a.eml", f"{deep}\n\nthe text".encode()).document
    assert document.text.endswith("the text")
    assert "nested" in document.warnings[0]
    parts = "".join(f'--b\nContent-Disposition: attachment; filename="{each}"\n\nx\n' for each in range(30))
    data = f'From: a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n{parts}'.encode()
    assert len(load("a.eml", data, Limits(unzip_files=30)).attachments) == 30
    with pytest.raises(FileRefused) as caught:
        load("a.eml", data, Limits(unzip_files=29))
    assert caught.value.state == "too large"


def test_a_header_without_end_costs_little() -> None:
    header = b"From: a\nMIME-Version: 1.0\nContent-Type: text/plain" + b"; a=b" * 300_000
    assert load("a.eml", header + b"\n\nHello").document.text.endswith("Hello")


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400))
def test_any_bytes_behind_a_header_are_read_or_refused(body: bytes) -> None:
    kinds = b"Content-Type: multipart/mixed; boundary=0\nContent-Transfer-Encoding: base64\n"
    for head in (HEADER, HEADER + kinds):
        assert load("a.eml", head + b"\n" + body).document.title == "Leave"
    with suppress(FileRefused):
        load("a.eml", b"MIME-Version: 1.0\nFrom: " + body)


def test_a_mailbox_is_its_mails() -> None:
    box = b"".join(
        b"From ann@example.org Sat Jan  3 01:05:34 1996\n" + mail(subject).as_bytes() + b"\n\n"
        for subject in ("One", "Two")
    )
    parsed = load("archive.mbox", box)
    assert parsed.document.text == ""
    assert list(texts(parsed)) == ["0001 One.eml", "0002 Two.eml"]
    assert all(text.endswith("Thirty days.") for text in texts(parsed).values())
    assert load("archive", box).document.parser.startswith("mbox/")


def test_a_mail_is_written_so_that_it_is_read_again() -> None:
    header = (("From", "Zoë <zoe@example.org>"), ("To", ""), ("Subject", 'A "very" long subject – ' + "ä" * 60))
    written = Mail(header, (Body("Text – ü\n\nmore"),), (Attachment('dä"ta.bin', bytes(range(256))),))
    parsed = load("a.eml", written.as_eml())
    assert parsed.document.title == header[2][1]
    assert parsed.document.text.endswith("\n\nText – ü\n\nmore")
    assert parsed.attachments == (Attachment('dä"ta.bin', bytes(range(256))),)


def state_of(name: str, data: bytes) -> State:
    try:
        load(name, data)
    except FileRefused as error:
        return error.state
    return "indexed"


def outlook(body: str = "Thirty days.") -> dict[str, bytes | Tree]:
    text = {0x0037: "Leave", 0x1000: body, 0x0C1A: "Ann", 0x5D01: "ann@example.org"}
    message = properties(text, numbers={0x0039: 131327200000000000}, head=32)
    message["__recip_version1.0_#00000000"] = properties(
        {0x3001: "Bob", 0x39FE: "bob@example.org"}, numbers={0x0C15: 1}
    )
    message["__recip_version1.0_#00000001"] = properties({0x3001: "Legal"}, numbers={0x0C15: 2})
    return message


def test_an_outlook_mail_is_read_like_any_other() -> None:
    message = outlook()
    message["__attach_version1.0_#00000000"] = properties({0x3707: "..\\plan.csv"}, {0x3701: b"a,b\n1,2\n" * 1000})
    message["__attach_version1.0_#00000001"] = properties({0x3707: "cloud.docx"})
    parsed = load("a.msg", ole(message))
    assert parsed.document.text == (
        "From: Ann <ann@example.org>\nTo: Bob <bob@example.org>\nCc: Legal\nDate: Tue, 28 Feb 2017 01:46:40 +0000\n"
        "Subject: Leave\n\nThirty days."
    )
    assert parsed.document.title == "Leave"
    assert parsed.attachments == (Attachment("plan.csv", b"a,b\n1,2\n" * 1000),)
    assert [one.name for one in parsed.refused] == ["cloud.docx"]


def test_a_mail_inside_an_outlook_mail_is_a_file_with_its_own_attachments() -> None:
    inner = outlook("The inner text – ü.")
    inner["__properties_version1.0"] = bytes(24)
    inner["__attach_version1.0_#00000000"] = properties({0x3707: "deep.txt"}, {0x3701: b"deep"})
    message = outlook()
    message["__attach_version1.0_#00000000"] = {**properties({0x3001: "Leave"}), "__substg1.0_3701000D": inner}
    [attached] = load("a.msg", ole(message)).attachments
    again = load(attached.name, attached.data)
    assert attached.name == "Leave.eml"
    assert again.document.text.endswith("The inner text – ü.")
    assert again.attachments == (Attachment("deep.txt", b"deep"),)


def test_an_outlook_mail_in_html_or_rtf_alone_is_read() -> None:
    html = properties({0x0037: "Leave"}, {0x1013: "<p>Thirty days – Größe</p>".encode("cp1252")}, {0x3FDE: 1252}, 32)
    assert load("a.msg", ole(html)).document.text == "Subject: Leave\n\nThirty days – Größe"
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c090020627705b06c647d0a80 0fa0".replace(
            " ", ""
        )
    )
    assert unpacked(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    rtf = properties({0x0037: "Leave"}, {0x1009: packed}, head=32)
    assert load("a.msg", ole(rtf)).document.text == "Subject: Leave\n\nhello world"


def test_an_outlook_mail_that_is_broken_is_damaged_or_read() -> None:
    whole = ole(outlook("Thirty days. " * 500))
    for end in (100, 600, 2000, len(whole) - 2000):
        assert state_of("a.msg", whole[:end]) in ("indexed", "damaged", "unsupported")


@pytest.mark.bench_data
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chinese-traditional.msg", "張毓倫"),
        ("cyrillic_message.msg", "To: Свиридов Дмитрий Владимирович <sviridov@niips.ru>"),
        ("ASCII_CP1251_LCID1049.msg", "Subject автоматически Subject"),
        ("outlook_30_msg.msg", "IN-SPIRE servers going down"),
        ("attachment_test_msg.msg", "Nicolas1 23456 <nicolas1.23456@free.fr>"),
    ],
)
def test_real_mails_of_outlook(name: str, words: str) -> None:
    data = (shared_folder() / "hostile" / "office-ordinary" / name).read_bytes()
    assert words in load(name, data).document.text


@pytest.mark.bench_data
@pytest.mark.parametrize(
    "path", sorted((shared_folder() / "hostile").glob("office-*/*.msg")), ids=lambda path: Path(path).name
)
def test_every_real_mail_is_read_and_its_mutations_end_well(path: Path) -> None:
    data = path.read_bytes()
    assert load(path.name, data).document.text.strip()
    for step in range(1, 12):
        broken = io.BytesIO(data)
        broken.seek(len(data) * step // 12)
        broken.write(b"\xff\x00\xa5" * 20)
        assert state_of(path.name, broken.getvalue()) in ("indexed", "damaged", "unsupported", "password-protected")
