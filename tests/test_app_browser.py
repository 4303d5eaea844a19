"""The app in a real browser, over a real library: what a person does, and what a hostile text must not do."""

from __future__ import annotations

import io
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.app_server import HOLD, RUNNING, Running, cancel_hold, running_app, stop
from tests.conftest import REPOSITORY
from tests.documents import pdf
from tests.ollama_stand_in import Fault, OllamaStandIn, Scripted, StandInModel
from tests.stand_in_engines import Emit, Messages, Spent

pytestmark = pytest.mark.slow

ARTIFACTS = REPOSITORY / "tests" / "artifacts"
CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
PATIENCE = 120_000
WRITER = "writer:latest"

LEAVE = "Parental leave lasts twenty weeks."
QUESTION = "How long does parental leave last?"
PAPER = pdf([["The first page speaks of the canteen."], [LEAVE, "It must be asked for three months before."]])

HOSTILE = (
    '# **Loud** title\n\nThe hostile badge costs $5$ and <b>not</b> $6$ <img src=x onerror="window.pwned=1"> '
    "![pixel](http://evil.example/pixel.png) [click](http://evil.example/) <script>window.pwned=1</script> "
    "<a href='javascript:window.pwned=1'>here</a> :red[colour] :rocket: http://evil.example/bare a@evil.example.\n"
)
HOSTILE_NAME = "**b** $x$ :red[y] ![i](z) <img src=q onerror=pwned=1>.md"
HOSTILE_QUESTION = (
    "What does the hostile badge cost? **b** $x$ <img src=x onerror='window.pwned=1'> [l](http://evil.example)"
)
HOSTILE_SPACE = "**s** $y$ [l](http://evil.example) <b>b</b>"


class Endless(Scripted):
    """Writes until nobody listens any more."""

    def __init__(self) -> None:
        super().__init__([])
        self.ended = Event()

    def reply(self, messages: Messages, options: dict[str, Any], emit: Emit) -> Spent:
        pause = Event()
        try:
            while not emit(" The canteen"):
                pause.wait(0.02)
        finally:
            self.ended.set()
        return Spent(0, 0, "stop")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def quoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The app without a model, and with an empty library."""
    with running_app(tmp_path_factory.mktemp("quoting") / "data") as running:
        yield running


@contextmanager
def holding(folder: Path) -> Iterator[tuple[Running, Path]]:
    """An app that stops in the middle of a job as long as a file is there, and that file."""
    hold = folder / "hold"
    hold.touch()
    with running_app(folder / "data", env={HOLD: str(hold)}) as app:
        yield app, hold


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaStandIn]:
    with OllamaStandIn([StandInModel(WRITER, Scripted([f"{LEAVE} [1]"]))]) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory, ollama: OllamaStandIn) -> Iterator[Running]:
    """The app with a model that writes what a test prepares, over one PDF."""
    folder = tmp_path_factory.mktemp("writing")
    (folder / "leave.pdf").write_bytes(PAPER)
    with running_app(folder / "data", folder / "leave.pdf", model=f"ollama:{WRITER}", ollama_url=ollama.url) as running:
        yield running


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh tab that notes every request; afterwards none may have gone elsewhere. A failure leaves a picture."""
    failed_before = request.session.testsfailed
    with fresh_tab(browser) as tab:
        yield tab
        if request.session.testsfailed > failed_before:
            ARTIFACTS.mkdir(exist_ok=True)
            tab.screenshot(path=ARTIFACTS / f"{request.node.name}.png", full_page=True)
            for running in RUNNING:
                print(running.log, running.log.read_text()[-5000:], sep="\n")  # noqa: T201 - for the report


@contextmanager
def fresh_tab(browser: Browser, width: int = 1280) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE)
    tab = context.new_page()
    asked: list[str] = []
    problems: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("websocket", lambda socket: asked.append(socket.url))
    tab.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
    try:
        yield tab
        own = tab.url.split("/")[2]
        inside = ("data:", "blob:")
        assert [url for url in asked if not url.startswith(inside) and url.split("/")[2] != own] == []
        assert problems == []
    finally:
        context.close()


def open_page(page: Page, app: Running, path: str = "") -> None:
    page.goto(f"{app.url}/{path}")
    page.get_by_role("heading", level=1).wait_for()
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait until the page's script has run to its end."""
    page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for()


def ask(page: Page, question: str) -> None:
    box = page.get_by_placeholder("What do you want to know?")
    box.fill(question)
    box.press("Enter")


def answered(page: Page) -> Locator:
    """The newest answer, when it is complete: the time it took is shown last."""
    page.get_by_text(re.compile(r" · \d+\.\d s$")).first.wait_for()
    return page.locator(".fn-answer").first


def open_source(page: Page, key: str) -> Locator:
    page.locator(f".st-key-open-{key} button").click()
    panel = page.get_by_role("dialog")
    panel.wait_for()
    return panel


def close_panel(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def upload(page: Page, space: str, *files: tuple[str, bytes]) -> None:
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    page.locator("input[type=file]").set_input_files(payload)  # type: ignore[arg-type]
    expect(page.get_by_test_id("stFileChipName")).to_have_count(len(files))
    expect(page.get_by_test_id("stFileChipIconSpinner")).to_have_count(0)
    chosen = page.get_by_role("combobox", name="Into the space")
    chosen.fill(space)
    chosen.press("Enter")
    page.get_by_role("button", name="Add to the library").click()


def select_row(page: Page, row: int) -> None:
    """Tick a row of the table, which is drawn on a canvas: 35 pixels a row, below a header of the same height."""
    page.get_by_test_id("stDataFrame").click(position={"x": 16, "y": 35 * (row + 1) + 17})


def marked_pixels(picture: bytes) -> int:
    """How many pixels have the colour of the mark, give or take what scaling does."""
    colours = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(maxcolors=1 << 24) or []
    return sum(count for count, (r, g, b) in colours if r > 240 and 220 < g < 245 and b < 100)  # type: ignore[misc]


def test_from_an_empty_library_to_the_marked_page_and_back(quoting: Running, page: Page) -> None:
    open_page(page, quoting)
    page.get_by_text("There are no documents yet").wait_for()
    page.get_by_role("link", name="Add documents").click()
    page.get_by_role("heading", name="Documents", level=1).wait_for()
    upload(page, "People", ("leave.pdf", PAPER), ("broken.pdf", b"%PDF-1.4 broken"))
    outcomes = page.locator(".fn-outcomes tr")
    expect(outcomes.filter(has_text="leave.pdf")).to_contain_text("indexed: 2 pages")
    expect(outcomes.filter(has_text="broken.pdf")).to_contain_text("damaged")
    page.get_by_role("heading", name=re.compile(r"^\d documents?$")).wait_for()

    page.get_by_role("link", name="Ask").first.click()
    page.get_by_text("1 document to ask about: People (1)").wait_for()
    ask(page, QUESTION)
    claim = answered(page).locator("[data-status=supported]").filter(has_text=LEAVE)
    footnote = claim.locator("a.fn-note").first
    assert footnote.get_attribute("title") == "leave.pdf · page 2"
    footnote.click()
    expect(page.locator("#source-1-1")).to_be_in_viewport()
    expect(page.locator("#source-1-1 .fn-quote")).to_have_text(LEAVE)
    panel = open_source(page, "source-1-1")
    picture = panel.locator("img")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
    assert marked_pixels(picture.screenshot()) > 500
    marked = str(picture.get_attribute("src"))
    panel.get_by_label("Page (of 2").press("ArrowDown")
    panel.get_by_label("Page (of 2").press("Enter")
    expect(picture).not_to_have_attribute("src", marked)
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
    assert marked_pixels(panel.locator("img").screenshot()) == 0
    with page.expect_download() as download:
        panel.get_by_role("button", name="Save the original").click()
    assert Path(download.value.path()).read_bytes() == PAPER
    close_panel(page)

    page.get_by_role("link", name="Documents").first.click()
    page.get_by_test_id("stDataFrame").wait_for()
    page.get_by_role("heading", name="Spaces").wait_for()
    select_row(page, 0)
    page.get_by_role("button", name="Delete 1 document").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(".pdf (People)")
    dialog.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator(".st-key-delete button:enabled").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row = page.locator("div").filter(has_text=re.compile(r"^People: \d document")).last
    row.wait_for()
    page.locator("[class*=st-key-remove-space-] button").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("The library is empty").wait_for()
    page.get_by_role("link", name="Ask").first.click()
    page.get_by_text("There are no documents yet").wait_for()


def test_hostile_texts_stay_texts_on_every_page(writing: Running, ollama: OllamaStandIn, page: Page) -> None:
    ollama.models[0] = StandInModel(
        WRITER, Scripted([f"{HOSTILE.strip()} [1]\n\nThe badge is **loud** <b>x</b> $a$ [1]."])
    )
    open_page(page, writing, "documents")
    upload(page, HOSTILE_SPACE, (HOSTILE_NAME, HOSTILE.encode()))
    expect(page.locator(".fn-outcomes")).to_contain_text("indexed")
    expect(page.locator(".fn-outcomes")).to_contain_text(HOSTILE_NAME)
    expect(page.get_by_text(f"{HOSTILE_SPACE}: 1 document")).to_be_visible()
    assert_inert(page)
    page.locator("[class*=st-key-remove-space-] button").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE_SPACE)
    assert_inert(page)
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.get_by_role("link", name="Ask").first.click()
    page.get_by_text(f"{HOSTILE_SPACE} (1)").wait_for()
    ask(page, HOSTILE_QUESTION)
    answer = answered(page)
    expect(answer).to_contain_text("![pixel](http://evil.example/pixel.png)")
    expect(answer).to_contain_text("**loud** <b>x</b> $a$")
    expect(page.locator(".fn-card").first).to_contain_text(HOSTILE_NAME)
    assert_inert(page)
    panel = open_source(page, "source-1-1")
    expect(panel.locator("mark")).to_contain_text("hostile badge")
    assert_inert(page)
    close_panel(page)
    ollama.models[0] = StandInModel(WRITER, Scripted([f"{LEAVE} [1]"]))
    ask(page, QUESTION)
    page.locator(".fn-question").filter(has_text=QUESTION).wait_for()
    expect(page.get_by_test_id("stExpander")).to_contain_text(HOSTILE_QUESTION.partition(" [l]")[0])
    answered(page)
    assert_inert(page)


def assert_inert(page: Page) -> None:
    """Nothing in the page comes from a text: no element that a text tried to make, and no script that ran."""
    inside = page.locator("[data-testid=stMain], [role=dialog]")
    for made in (
        "img[src=x]",
        "img[src=q]",
        "img[src*=evil]",
        "script",
        ".katex",
        "[href*=evil]",
        "[href^=javascript]",
    ):
        assert inside.locator(made).count() == 0, made
    assert inside.locator("a:not(.fn-note):not([data-testid=stHeaderActionElements] a):not([href^='#'])").count() == 0
    texts = inside.locator(".stHtml, [data-testid=stMarkdownContainer]")
    for made in ("strong", "em", "img", "u", "[style*=color]"):
        assert texts.locator(made).count() == 0, made
    assert (
        texts.locator("b").evaluate_all("all => all.filter(b => ['not', 'x', 'b'].includes(b.textContent)).length") == 0
    )
    assert page.evaluate("window.pwned") is None


def test_each_sentence_carries_its_mark(writing: Running, ollama: OllamaStandIn, page: Page) -> None:
    written = f"{LEAVE} [1] Parental leave lasts ninety weeks [1]. The canteen serves excellent soup on Fridays."
    ollama.models[0] = StandInModel(WRITER, Scripted([written]))
    open_page(page, writing)
    ask(page, QUESTION)
    answer = answered(page)
    supported, wrong = answer.locator("[data-status=supported]"), answer.locator("[data-status=unsupported]")
    expect(supported).to_contain_text(LEAVE)
    assert supported.locator(".fn-said").evaluate("said => getComputedStyle(said).textDecorationLine") == "none"
    expect(wrong).to_contain_text("ninety weeks")
    assert wrong.locator(".fn-said").evaluate("said => getComputedStyle(said).textDecorationLine") == "line-through"
    expect(wrong.locator(".fn-mark")).to_have_text("✗ not supported")
    assert "not supported:" in str(wrong.locator(".fn-mark").get_attribute("title"))
    expect(answer.locator("[data-status=uncited] .fn-mark")).to_have_text("○ no source")
    expect(page.locator(".fn-legend").first).to_contain_text("✗ not supported")
    expect(page.get_by_text(re.compile(r"^writer:latest · "))).to_be_visible()


def test_a_refusal_offers_the_closest_passages(writing: Running, page: Page) -> None:
    open_page(page, writing)
    ask(page, "Who won the football match in Lisbon?")
    expect(page.locator(".fn-refused")).to_have_text("The documents do not answer this question.")
    panel = open_source(page, "closest-1-1")
    panel.locator("img, mark").first.wait_for()


def test_stop_ends_the_writing_and_the_page_goes_on(writing: Running, ollama: OllamaStandIn, page: Page) -> None:
    endless = Endless()
    ollama.models[0] = StandInModel(WRITER, endless)
    open_page(page, writing)
    ask(page, QUESTION)
    expect(page.locator(".fn-answer")).to_contain_text("canteen")
    page.get_by_test_id("stChatInputStopButton").click()
    assert endless.ended.wait(30)
    at_rest(page)
    ollama.models[0] = StandInModel(WRITER, Scripted([f"{LEAVE} [1]"]))
    ask(page, QUESTION)
    expect(page.locator("[data-status=supported]").first).to_contain_text(LEAVE)
    expect(page.get_by_test_id("stExpander")).to_have_count(1)


def test_two_tabs_do_not_mix(writing: Running, ollama: OllamaStandIn, browser: Browser, page: Page) -> None:
    ollama.models[0] = StandInModel(WRITER, Scripted([f"{LEAVE} [1]"]))
    open_page(page, writing)
    with fresh_tab(browser, width=390) as phone:
        open_page(phone, writing)
        ask(page, QUESTION)
        ask(phone, "Must parental leave be asked for?")
        answered(page)
        answered(phone)
        expect(page.locator(".fn-question")).to_have_text([QUESTION])
        expect(phone.locator(".fn-question")).to_have_text(["Must parental leave be asked for?"])
        assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_missing_model_says_what_to_do_and_the_quotes_are_shown(
    tmp_path: Path, ollama: OllamaStandIn, page: Page
) -> None:
    paper = tmp_path / "leave.pdf"
    paper.write_bytes(PAPER)
    absent = "ollama:absent:7b"
    with running_app(tmp_path / "data", paper, model=absent, ollama_url=ollama.url, allow_remote="gpu.example") as app:
        open_page(page, app)
        expect(page.locator(".fn-problem code").first).to_have_text("ollama pull absent:7b")
        ask(page, QUESTION)
        expect(answered(page)).to_contain_text(LEAVE)
        expect(page.locator(".fn-problem code")).to_have_text(["ollama pull absent:7b"])
        expect(page.get_by_role("contentinfo")).to_contain_text("gpu.example")


def running_job(page: Page, name: str) -> Locator:
    """The card of a job that has not ended."""
    return page.locator("[class*=st-key-job-]").filter(has_text=name)


def ended_job(page: Page, name: str) -> Locator:
    """The card with what became of a job."""
    return page.locator("[class*=st-key-ended-]").filter(has_text=name)


CRANES = "\n\n".join(f"# Part {n}\n\n" + f"Crane {n} stands in yard {n}. " * 60 for n in range(40)).encode()
"""Some 80 passages: more than the 64 that are embedded at once."""


def test_a_job_goes_on_when_the_page_is_left_reloaded_or_closed(tmp_path: Path, browser: Browser, page: Page) -> None:
    with holding(tmp_path) as (app, hold):
        open_page(page, app, "documents")
        upload(page, "Cranes", ("cranes.md", CRANES), ("broken.pdf", b"%PDF-1.4 broken"), ("leave.pdf", PAPER))
        card = running_job(page, "cranes.md")
        expect(card).to_contain_text(" of 3 files done, 1 not indexed")
        expect(card.locator(".fn-now")).to_contain_text(re.compile(r"embedding \d+ of \d+ passages"))
        page.get_by_role("link", name="Ask").first.click()
        page.get_by_role("heading", name="Ask your documents").wait_for()
        page.get_by_role("link", name="Documents").first.click()
        expect(running_job(page, "cranes.md")).to_be_visible()
        page.reload()
        expect(running_job(page, "cranes.md")).to_be_visible()
        with fresh_tab(browser) as other:
            open_page(other, app, "documents")
            expect(running_job(other, "cranes.md")).to_contain_text(" of 3 files done, 1 not indexed")
        hold.unlink()
        ended = ended_job(page, "cranes.md")
        expect(ended).to_contain_text("2 files of 3 indexed, 1 not.")
        expect(ended.locator(".fn-outcomes tr")).to_have_count(3)
        expect(ended.locator(".fn-outcomes tr").first).to_contain_text("damaged")
        expect(ended.locator(".fn-outcomes tr").filter(has_text="leave.pdf")).to_contain_text("indexed: 2 pages")
        page.get_by_role("heading", name="3 documents").wait_for()
        ended.get_by_role("button", name="Hide").click()
        expect(ended).to_have_count(0)
        page.get_by_text("Earlier: 1 job").click()
        expect(page.get_by_test_id("stDataFrame")).to_have_count(2)
        at_rest(page)
        page.get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 35 + 17})
        expect(ended.locator(".fn-outcomes tr")).to_have_count(3)


def test_a_job_is_cancelled_in_the_middle_and_tried_again(tmp_path: Path, page: Page) -> None:
    with holding(tmp_path) as (app, hold):
        open_page(page, app, "documents")
        upload(page, "Cancelled", ("yards.md", CRANES))
        card = running_job(page, "yards.md")
        expect(card.locator(".fn-now")).to_contain_text(re.compile(r"yards.md: embedding \d+ of \d+ passages"))
        cancel_hold(hold).touch()
        card.get_by_role("button", name="Cancel").click()
        expect(card.locator(".fn-now")).to_contain_text("Being cancelled. What was finished stays")
        expect(card.get_by_role("button", name="Cancel")).to_be_disabled()
        cancel_hold(hold).unlink()
        ended = ended_job(page, "yards.md")
        expect(ended).to_contain_text("Cancelled. 0 files of 1 indexed; these stay.")
        expect(ended.locator(".fn-outcomes")).to_contain_text("cancelled")
        hold.unlink()
        expect(page.get_by_text("Cancelled: 0 documents")).to_be_visible()
        ended.get_by_role("button", name="Try 1 file again").click()
        expect(ended).to_contain_text("1 file of 1 indexed.")
        expect(page.get_by_text("Cancelled: 1 document")).to_be_visible()
        expect(ended.get_by_role("button", name="again")).to_have_count(0)


def test_a_panel_stays_open_while_jobs_run_and_end(tmp_path: Path, page: Page) -> None:
    with holding(tmp_path) as (app, hold):
        open_page(page, app, "documents")
        upload(page, "Cranes", ("broken.pdf", b"%PDF-1.4 broken"), ("cranes.md", CRANES))
        expect(running_job(page, "cranes.md")).to_contain_text("1 of 2 files done, 1 not indexed")
        page.reload()
        page.get_by_test_id("stDataFrame").wait_for()
        at_rest(page)
        select_row(page, 0)
        page.locator(".st-key-report button:enabled").click()
        panel = page.get_by_role("dialog")
        expect(panel.locator(".fn-report")).to_contain_text("damaged")
        hold.unlink()
        expect(running_job(page, "cranes.md")).to_have_count(0)
        expect(panel.locator(".fn-report")).to_be_visible()
        close_panel(page)
        expect(ended_job(page, "cranes.md")).to_contain_text("1 file of 2 indexed, 1 not.")
        page.get_by_role("heading", name="2 documents").wait_for()


def test_a_job_from_elsewhere_is_seen(tmp_path: Path, page: Page) -> None:
    import httpx

    with holding(tmp_path) as (app, hold):
        given = {"files": ("elsewhere.md", CRANES)}
        url = f"{app.url}/api/documents?wait=false"
        assert httpx.post(url, files=given, data={"space": "Else"}, trust_env=False, timeout=120).status_code == 202
        open_page(page, app, "documents")
        expect(running_job(page, "elsewhere.md")).to_contain_text("into Else")
        hold.unlink()
        expect(ended_job(page, "elsewhere.md")).to_contain_text("1 file of 1 indexed.")


def test_a_document_shows_its_report(tmp_path: Path, page: Page) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "leave.pdf").write_bytes(pdf([[LEAVE], [], ["The canteen closes at six."]]))
    (folder / "x-broken.pdf").write_bytes(b"%PDF-1.4 broken")
    with running_app(tmp_path / "data", folder) as app:
        open_page(page, app, "documents")
        report = page.get_by_role("button", name="Report")
        expect(report).to_be_disabled()
        select_row(page, 0)
        expect(report).to_be_enabled()
        report.click()
        rows = page.get_by_role("dialog").locator(".fn-report tr")
        expect(rows.filter(has_text="state")).to_have_text("stateindexed")
        expect(rows.filter(has_text="characters")).to_contain_text("pages 1-3: ")
        expect(rows.filter(has_text="without text")).to_contain_text("page 2")
        expect(rows.filter(has_text="of the text")).to_contain_text("100%")
        expect(rows.filter(has_text="parser")).to_contain_text("pdf")
        expect(page.get_by_role("dialog").get_by_test_id("stDataFrame")).to_be_visible()
        close_panel(page)
        select_row(page, 1)
        expect(report).to_be_disabled()
        select_row(page, 0)
        expect(report).to_be_enabled()
        report.click()
        expect(rows.filter(has_text="state")).to_have_text("statedamaged")
        expect(rows.filter(has_text="reason")).to_contain_text("x-broken.pdf")
        expect(rows.filter(has_text="can be found")).to_have_text("can be foundno")


def test_what_nobody_foresaw_is_a_sentence_here_and_a_traceback_in_the_log(tmp_path: Path, page: Page) -> None:
    with running_app(tmp_path / "data") as app:
        open_page(page, app)
        with closing(sqlite3.connect(tmp_path / "data" / "catalog.sqlite")) as broken:
            broken.execute("DROP TABLE spaces")
        page.reload()
        expect(page.locator(".fn-problem")).to_contain_text(
            "Something went wrong inside Footnote; its log (stderr) has"
        )
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert "no such table: spaces" in app.log.read_text()


def test_the_samples_go_with_one_click(tmp_path: Path, page: Page) -> None:
    with running_app(tmp_path / "data") as app:
        import httpx

        given = {"files": ("note.md", b"# Note\n\nThe canteen closes at six.")}
        httpx.post(f"{app.url}/api/documents", files=given, data={"space": "Samples"}, trust_env=False, timeout=120)
        open_page(page, app)
        page.get_by_role("button", name="Remove the sample papers").click()
        page.get_by_text("There are no documents yet").wait_for()
        expect(page.get_by_role("button", name="Remove the sample papers")).to_have_count(0)


def test_a_signal_ends_the_server_while_a_model_is_silent(tmp_path: Path, page: Page) -> None:
    paper = tmp_path / "leave.pdf"
    paper.write_bytes(PAPER)
    with (
        OllamaStandIn([StandInModel(WRITER, Scripted(["never said"]))]) as silent,
        running_app(tmp_path / "data", paper, model=f"ollama:{WRITER}", ollama_url=silent.url) as app,
    ):
        open_page(page, app)
        with silent.misbehaving(Fault.HANG_FIRST):
            ask(page, QUESTION)
            page.get_by_text(re.compile("^writer:latest reads")).wait_for()
            assert stop(app.process, signal.SIGTERM) == 0
        assert "Traceback" not in app.log.read_text()
