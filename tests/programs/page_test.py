#!/usr/bin/env python3
"""The chat page in a headless Chromium, before a server that plays answers.

    python tests/programs/page_test.py PATH/TO/index.html [unittest's arguments]
    python tests/programs/page_test.py --url http://host:port     # what holds with any server

Needs the package playwright and a Chromium: /usr/bin/chromium, $CHROMIUM or playwright's own. With T6_SCREENSHOTS=FOLDER
it leaves pictures there.
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import sys
import unittest

from played_server import CODE, HOSTILE, MHA_BYTES, OWN_BYTES, TEXT, Server, pieces
from playwright.sync_api import expect, sync_playwright


class Page(unittest.TestCase):
    """A page of its own for each test."""

    path = url = None

    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        own = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        cls.browser = cls.playwright.chromium.launch(executable_path=own if os.path.exists(own) else None, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def setUp(self):
        self.server = None if self.url else Server(self.path)
        self.home = self.url or f"http://127.0.0.1:{self.server.server_port}/"
        self.open()

    def open(self, **options):
        self.context = self.browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        self.addCleanup(self.context.close)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60000 if self.url else 8000)
        expect.set_options(timeout=60000 if self.url else 8000)
        self.problems = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.problems.append(line.text))
        self.page.goto(self.home)
        expect(self.page.locator("#model option").first).to_be_attached()

    def tearDown(self):
        self.assertEqual([text for text in self.problems if "Failed to load resource" not in text], [])
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def ask(self, text, wait=True):
        self.page.fill("#input", text)
        self.page.press("#input", "Enter")
        if wait:
            self.wait()

    def wait(self):
        expect(self.page.locator("#send[data-stops]")).to_have_count(0)

    def answers(self):
        return self.page.locator("article.assistant .md")

    def picture(self, name, folder=os.environ.get("T6_SCREENSHOTS")):
        if folder:
            self.page.wait_for_timeout(400)  # transitions
            self.page.screenshot(path=pathlib.Path(folder) / f"page-{name}.png")


class AnyServer(Page):
    """Whatever model answers."""

    def test_an_answer_comes_and_stays(self):
        self.page.click("#open-settings")
        self.page.fill("[name=max_tokens]", "24")
        self.page.click("#settings .main")
        self.ask("Hello, who are you?")
        below = self.page.locator("article.assistant .below")
        expect(below).to_contain_text("tokens")
        expect(below).to_contain_text(re.compile(r"first\safter"))
        expect(self.page.locator("#context-text")).to_have_text(re.compile(r"^[1-9]"))
        text = self.answers().inner_text()
        self.page.reload()
        expect(self.answers()).to_have_text(text, use_inner_text=True)
        self.page.get_by_role("button", name="Try again").click()
        self.wait()
        expect(self.page.locator("article")).to_have_count(2)


    def test_an_answer_can_be_stopped(self):
        self.ask("Tell me a very long story about a river, with every town that it passes.", wait=False)
        expect(self.answers()).to_contain_text(re.compile(r"\S"))
        self.page.keyboard.press("Escape")
        self.wait()
        expect(self.page.locator("article.assistant .below")).to_contain_text(re.compile(r"stopped|tokens"))
        text = self.answers().inner_text()
        self.page.wait_for_timeout(500)
        self.assertEqual(self.answers().inner_text(), text)
        expect(self.page.get_by_role("alert")).to_have_count(0)


class Played(Page):
    def test_the_page_is_one_small_file_that_fetches_nothing(self):
        text = self.path.read_text()
        self.assertLess(len(text.encode()), 60000)
        for outside in (r'src="?http', r"url\(", "@import", r"\.innerHTML", r"insertAdjacentHTML", r"\beval\(", r"document\.write"):
            self.assertIsNone(re.search(outside, text), outside)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for tag in ("style", "script"):
            content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            self.assertIn(f"{tag}-src 'sha256-{digest}'", policy, "scripts/write_page_policy.py writes it")

    def test_an_answer_streams(self):
        self.ask("slow", wait=False)
        expect(self.answers()).to_contain_text("word word")
        expect(self.page.locator("#send")).to_have_attribute("aria-label", "Stop")
        self.page.keyboard.press("Escape")
        self.wait()
        self.assertTrue(self.server.gone.wait(8), "the server was not told")
        expect(self.page.locator("article.assistant .below")).to_contain_text("stopped")
        self.ask("code")
        body = self.server.asked[-1]
        self.assertEqual((body["stream"], body["stream_options"], body["model"]), (True, {"include_usage": True}, "smollm2-135m"))
        self.assertEqual([m["role"] for m in body["messages"]], ["user", "assistant", "user"])
        self.assertIn("word word", body["messages"][1]["content"])
        self.assertNotIn("temperature", body)
        last = self.page.locator("article.assistant").last
        expect(last.locator(".below")).to_have_text(re.compile(r"^\d+\stokens · [\d.]+\stokens/s · first\safter\s[\d.]+\ss"))
        tokens = sum(len(m["content"]) // 4 + 4 for m in body["messages"]) + len(pieces(TEXT))
        expect(self.page.locator("#context-text")).to_have_text(f"{tokens} of 8,192")
        expect(self.page.locator("#cache-text")).to_have_text(re.compile("^[0-9.]+ [KM]iB$"))
        self.assertAlmostEqual(self.page.evaluate("parseFloat($('cache-bar').style.width)"), 100 * OWN_BYTES / MHA_BYTES, 2)

    def test_markdown_becomes_elements(self):
        self.ask("code")
        answer = self.answers()
        expect(answer.locator("strong")).to_have_text("area")
        expect(answer.locator("pre code")).to_have_text(CODE)
        expect(answer.locator("ol > li")).to_have_count(2)
        expect(answer.locator("ol ul > li")).to_have_count(2)
        expect(answer.locator("td.right")).to_have_text(["1", "3.14", "2", "12.57"])
        link = answer.locator("blockquote a")
        expect(link).to_have_attribute("href", "https://example.org/circle")
        self.assertIn("noopener", link.get_attribute("rel"))
        answer.locator(".code button").click()
        expect(answer.locator(".code button")).to_have_text("Copied")
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), CODE)

    def test_markdown_of_all_kinds(self):
        for text, html in (
                ("a *b* **c** ***d*** ~~e~~ `f` snake_case_name 2 * 3 * 4", "<p>a <em>b</em> <strong>c</strong> <strong><em>d</em></strong> "
                 "<del>e</del> <code>f</code> snake_case_name 2 * 3 * 4</p>"),
                ("**bold *in* it** and **open", "<p><strong>bold <em>in</em> it</strong> and **open</p>"),
                ("``a ` b`` \\*no\\*", "<p><code>a ` b</code> *no*</p>"), ("# One\n### Three", "<h2>One</h2><h4>Three</h4>"),
                ("- a\n- b\n\ntext", "<ul><li>a</li><li>b</li></ul><p>text</p>"), ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
                ("- a\n\n  b\n- c", "<ul><li><p>a</p><p>b</p></li><li>c</li></ul>"), ("one\ntwo", "<p>one<br>two</p>"),
                ("- a\n  ```\n  x\n  ```", None), ("---", "<hr>"), ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
                ("a | b\nno table", "<p>a | b<br>no table</p>"), ("1986\\. x", "<p>1986. x</p>")):
            got = self.page.evaluate("(text) => { const e = make('div'); show_markdown(e, text); return e.innerHTML }", text)
            if html:
                self.assertEqual(re.sub(r' (class|start)="1?"', "", got), html, text)
            else:
                self.assertIn("<pre", got)

    def test_streamed_markdown_is_that_of_the_whole(self):
        for text in (TEXT, HOSTILE):
            self.assertTrue(self.page.evaluate("""(text) => {
                const whole = make('div'), part = make('div');
                show_markdown(whole, text);
                for (let i = 0; i <= text.length; ++i) show_markdown(part, text.slice(0, i));
                return whole.innerHTML === part.innerHTML }""", text))

    def test_a_hostile_answer_does_nothing(self):
        self.ask("hostile")
        self.page.wait_for_timeout(300)
        self.assertIsNone(self.page.evaluate("window.pwned ?? null"))
        log = self.page.locator("#log")
        for tag in ("script", "img", "iframe", "svg", "[onerror]", "[onclick]", "[onload]"):
            expect(log.locator(tag)).to_have_count(0)
        expect(log).to_contain_text("<script>window.pwned = 1</script>")
        addresses = log.locator("a").evaluate_all("(all) => all.map((a) => [a.protocol, a.rel, a.target])")
        self.assertGreaterEqual(len(addresses), 4)
        for protocol, rel, target in addresses:
            self.assertIn(protocol, ("http:", "https:"))
            self.assertEqual((rel, target), ("noopener noreferrer nofollow", "_blank"))

    def test_no_text_takes_long(self):
        for text in ("*" * 20000, "**a " * 8000, "_a*" * 8000, "[" * 20000, "[a](" * 8000, "> " * 8000, "`" * 20001, "`a" * 9000 + "``",
                     "- " * 8000, ("  " * 30 + "- a\n") * 400, "<http://" * 4000, "|" * 20000 + "\n|-|", "\\" * 20000, "![" * 9000, "a\n" * 9000):
            seconds = self.page.evaluate("(text) => { const t = performance.now(); show_markdown(make('div'), text); return (performance.now() - t) / 1000 }", text)
            self.assertLess(seconds, 2, text[:20])

    def test_retry_takes_another_seed(self):
        self.ask("hello")
        first = self.server.asked[-1]
        self.page.get_by_role("button", name="Try again").click()
        expect(self.answers()).to_have_text("Answer 2 to hello.")
        self.assertNotEqual(self.server.asked[-1]["seed"], first["seed"])
        self.assertEqual(self.server.asked[-1]["messages"], first["messages"])
        self.page.click("#open-settings")
        self.page.fill("[name=seed]", "7")
        self.page.click("#settings .main")
        self.page.get_by_role("button", name="Try again").click()
        self.wait()
        self.ask("more")
        self.assertEqual([body["seed"] for body in self.server.asked[2:]], [9, 7])

    def test_an_edited_message_begins_anew(self):
        for text in ("one", "two", "three"):
            self.ask(text)
        self.page.get_by_role("button", name="Edit").nth(1).click()
        box = self.page.get_by_label("Edit the message")
        box.press("Escape")
        expect(self.page.locator("article")).to_have_count(6)
        self.page.get_by_role("button", name="Edit").nth(1).click()
        box.fill("other")
        box.press("Enter")
        self.wait()
        expect(self.page.locator("article")).to_have_count(4)
        self.assertEqual([m["content"] for m in self.server.asked[-1]["messages"]], ["one", "Answer 1 to one.", "other"])

    def test_settings_are_sent_and_kept(self):
        self.page.click("#open-settings")
        self.page.fill("#system", "Be brief.")
        values = {"temperature": 0.4, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1, "max_tokens": 99, "seed": 5}
        for name, value in values.items():
            self.page.fill(f"[name={name}]", str(value))
        self.picture("settings")
        self.page.keyboard.press("Escape")
        self.page.reload()
        self.page.select_option("#model", "other")
        self.ask("hello")
        body = self.server.asked[-1]
        self.assertEqual({name: body[name] for name in values}, values)
        self.assertEqual((body["messages"][0], body["model"]), ({"role": "system", "content": "Be brief."}, "other"))
        self.page.click("#new")
        self.page.click("#open-settings")
        expect(self.page.locator("#system")).to_have_value("")
        self.page.click("#clear")
        self.page.click("#settings .main")
        self.ask("hello")
        self.assertNotIn("temperature", self.server.asked[-1])

    def test_conversations_are_kept(self):
        self.ask("first question")
        self.page.click("#new")
        self.ask("second question")
        self.page.fill("#input", "a draft")
        self.page.reload()
        expect(self.page.locator("#input")).to_have_value("a draft")
        items = self.page.locator("#list button")
        expect(items).to_have_text(["second question", "first question"])
        items.nth(1).click()
        expect(self.answers()).to_have_text("Answer 1 to first.")
        self.page.click("#title")
        self.page.fill("#rename", "Renamed")
        self.page.keyboard.press("Enter")
        expect(items).to_have_text(["second question", "Renamed"])
        with self.page.expect_download() as download:
            self.page.click("#export")
        self.assertEqual(download.value.suggested_filename, "Renamed.json")
        kept = json.loads(pathlib.Path(download.value.path()).read_text())
        self.assertEqual([m["content"] for m in kept["messages"]], ["first question", "Answer 1 to first."])
        self.page.click("#delete")
        expect(items).to_have_text(["second question"])
        self.page.click("#toast button")
        expect(items).to_have_text(["second question", "Renamed"])
        self.page.click("#delete")
        self.page.reload()
        expect(items).to_have_text(["second question"])

    def test_answers_go_on_behind_other_conversations(self):
        self.ask("slow", wait=False)
        expect(self.answers()).to_contain_text("word")
        self.page.click("#new")
        expect(self.page.locator("#send")).to_have_attribute("aria-label", "Send")
        self.ask("hello")
        expect(self.answers()).to_have_text("Answer 2 to hello.")
        self.page.locator("#list button", has_text="slow").click()
        expect(self.page.locator("#send")).to_have_attribute("aria-label", "Stop")
        self.page.reload()
        expect(self.page.locator("article.assistant .below")).to_contain_text("stopped")
        expect(self.answers()).to_contain_text("word")

    def test_two_tabs_do_not_undo_each_other(self):
        self.ask("one")
        other = self.context.new_page()
        other.goto(self.home)
        self.ask("slow", wait=False)
        other.wait_for_timeout(1500)
        self.page.keyboard.press("Escape")
        self.wait()
        text = self.answers().last.inner_text()
        expect(other.locator("article.assistant .md").last).to_have_text(text, use_inner_text=True)
        other.close()
        self.page.reload()
        expect(self.answers().last).to_have_text(text, use_inner_text=True)

    def test_drafts_are_kept(self):
        self.ask("one")
        self.page.fill("#input", "of one")
        self.page.click("#new")
        self.page.fill("#input", "of another")
        self.page.reload()
        expect(self.page.locator("#input")).to_have_value("of another")
        self.page.locator("#list button", has_text="one").click()
        expect(self.page.locator("#input")).to_have_value("of one")

    def test_thoughts_are_apart(self):
        self.ask("think")
        details = self.page.locator("details.thoughts")
        expect(details).not_to_have_attribute("open", "")
        details.locator("summary").click()
        expect(details.locator("strong")).to_have_text("this")
        expect(details).to_contain_text("First this, then that.")
        self.ask("more")
        self.assertEqual(self.server.asked[-1]["messages"][1], {"role": "assistant", "content": "Answer 1 to think."})

    def test_errors_are_said(self):
        alert = self.page.get_by_role("alert")
        self.ask("refuse")
        expect(alert.last).to_have_text("No answer. This is <b>too</b> long.")
        self.server.fails = 1
        self.ask("flaky")
        expect(alert.last).to_have_text("No answer. busy")
        self.page.get_by_role("button", name="Try again").click()
        expect(self.answers().last).to_contain_text("to flaky.")
        self.assertEqual([m["content"] for m in self.server.asked[-1]["messages"]], ["flaky"])
        self.ask("break")
        expect(alert.last).to_have_text("The answer is not whole. out of pages")
        self.ask("cut")
        expect(alert.last).to_have_text("The answer is not whole. The connection ended before the answer did.")
        self.server.shutdown()
        self.server.server_close()
        self.ask("hello")
        expect(alert.last).to_have_text("No answer. The server does not answer.")

    def test_a_key_is_asked_for_and_kept(self):
        self.server.key = "secret"
        self.ask("hello", wait=False)
        dialog = self.page.locator("#ask-key")
        expect(dialog).to_be_visible()
        self.page.fill("#asked-key", "wrong")
        self.page.keyboard.press("Enter")
        expect(dialog).to_be_visible()
        expect(self.page.locator("#asked-key")).to_have_value("")
        self.page.fill("#asked-key", "secret")
        self.page.keyboard.press("Enter")
        expect(self.answers()).to_have_text("Answer 1 to hello.")
        self.page.reload()
        self.ask("again")
        self.assertEqual(len(self.server.asked), 2)
        self.server.key = "another"
        self.page.reload()
        expect(dialog).to_be_visible()
        self.page.fill("#asked-key", "another")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#version")).to_have_text("0.2.0")
        expect(dialog).not_to_be_visible()

    def test_keys_alone_do(self):
        self.page.locator("body").press("Tab")
        expect(self.page.locator(".skip")).to_be_focused()
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#input")).to_be_focused()
        self.page.keyboard.type("one")
        self.page.keyboard.press("Shift+Enter")
        self.page.keyboard.type("two")
        self.page.keyboard.press("Enter")
        self.wait()
        self.assertEqual(self.server.asked[-1]["messages"][0]["content"], "one\ntwo")
        expect(self.page.locator("#live")).to_contain_text("Answer 1 to one.")
        expect(self.page.locator("#input")).to_be_focused()
        seen = set()
        for _ in range(30):
            self.page.keyboard.press("Shift+Tab")
            seen.add(self.page.evaluate("""(() => { const e = document.activeElement, s = getComputedStyle(e);
                return `${e.id || e.textContent} ${s.outlineStyle !== 'none'}` })()"""))
        for name in ("new", "theme", "open-settings", "title", "model", "export", "delete", "scroll", "Copy", "Try again", "Edit"):
            self.assertIn(name + " true", seen)
        unnamed = self.page.evaluate("""[...document.querySelectorAll('button, input, textarea, select')].filter((e) =>
            !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)""")
        self.assertEqual(unnamed, [])

    def test_nothing_moves_by_itself(self):
        self.page.evaluate("""() => { window.moved = 0; new PerformanceObserver((list) => { for (const each of list.getEntries())
            window.moved += each.value }).observe({type: 'layout-shift', buffered: true}) }""")
        self.ask("code")
        self.page.wait_for_timeout(300)
        self.assertLess(self.page.evaluate("window.moved"), 0.02)

    def test_a_reader_who_looks_back_is_left_there(self):
        self.ask("raw " + "line\n\n" * 80)
        self.ask("slow", wait=False)
        expect(self.answers().last).to_contain_text("word")
        self.page.evaluate("$('scroll').scrollTop = 0")
        self.page.wait_for_timeout(400)
        self.assertEqual(self.page.evaluate("$('scroll').scrollTop"), 0)
        self.page.click("#end")
        self.page.wait_for_timeout(400)
        self.assertTrue(self.page.evaluate("at_end()"))

    def test_colours_have_contrast(self):
        for theme in ("light", "dark"):
            ratios = self.page.evaluate("""(theme) => {
                document.documentElement.dataset.theme = theme;
                const of = (name) => { const p = document.body.appendChild(make('p')); p.style.color = `var(--${name})`;
                    const c = getComputedStyle(p).color.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255); p.remove();
                    const [r, g, b] = c.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
                const pairs = [['text', 'page'], ['text', 'said'], ['text', 'panel'], ['quiet', 'page'], ['quiet', 'side'], ['quiet', 'panel'],
                    ['quiet', 'raised'], ['own', 'page'], ['on-own', 'own'], ['bad', 'page']];
                return pairs.map(([a, b]) => { const x = of(a), y = of(b); return [a, b, (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)] }) }""", theme)
            for front, back, ratio in ratios:
                self.assertGreaterEqual(ratio, 4.5, (theme, front, back))

    def test_colours_follow_the_system_and_the_switch(self):
        theme = lambda: self.page.evaluate("document.documentElement.dataset.theme")
        self.page.emulate_media(color_scheme="dark")
        expect(self.page.locator("html")).to_have_attribute("data-theme", "dark")
        self.page.click("#theme")
        self.assertEqual(theme(), "light")
        self.page.reload()
        self.assertEqual(theme(), "light")

    def test_phones(self):
        self.open(viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True)
        self.ask("raw short")
        self.ask("code")
        self.ask("raw " + "x" * 300)
        self.assertEqual(self.page.evaluate("document.documentElement.scrollWidth"), 390)
        self.page.locator("article").nth(3).scroll_into_view_if_needed()
        self.picture("phone")
        expect(self.page.locator("#side")).not_to_be_visible()
        self.page.click("#menu")
        expect(self.page.locator("#side")).to_be_visible()
        self.picture("phone-menu")
        self.page.keyboard.press("Escape")
        expect(self.page.locator("#side")).not_to_be_visible()
        for width in (320, 360, 700, 820, 1000, 1900):
            self.page.set_viewport_size({"width": width, "height": 640})
            self.assertEqual(self.page.evaluate("document.documentElement.scrollWidth"), width)
            for part in ("#meter dt", "#meter", "header"):
                wide = self.page.locator(part).evaluate_all("(all) => all.some((e) => e.scrollWidth > e.clientWidth + 1)")
                self.assertFalse(wide, (width, part))

    def test_pictures(self):
        self.open(viewport={"width": 1280, "height": 860})
        self.picture("empty")
        for title in ("How do tides work?", "A name for a bakery", "Regular expressions for dates of all kinds and countries"):
            self.page.click("#new")
            self.ask(title)
        self.page.click("#new")
        self.ask("think about what the area of a circle has to do with its radius, please")
        self.ask("code")
        self.page.mouse.move(700, 400)
        self.picture("light")
        self.page.click("#theme")
        self.page.click("#theme")
        self.page.evaluate("$('scroll').scrollTop = 0")
        self.page.locator("summary").click()
        self.picture("dark")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--url"]:
        Page.url = arguments[1].rstrip("/") + "/"
        suite, rest = ["AnyServer"], arguments[2:]
    else:
        if not arguments or not arguments[0].endswith(".html"):
            sys.exit(__doc__)
        Page.path = pathlib.Path(arguments[0])
        suite, rest = [], arguments[1:]
    unittest.main(argv=[sys.argv[0], *rest, *suite])
