"""Makes the recordings beside this file again: `python -m tests.recordings.record` (Playwright, Chromium).

A page with a small client makes a video on the mock. Playwright writes what its context records; the
developer tools are opened on the page by its debugging port, and write what "Save as HAR (sanitized)" does.
"""

from __future__ import annotations

import http.server
import importlib
import json
import shutil
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from kling_mock import MockServer

HERE = Path(__file__).parent
PORT = 9377
PAGE = """<script>
async function run(base, again) {
  const url = base + "/video/generations", headers = {Authorization: "Bearer sk-of-the-recording"};
  const body = JSON.stringify({model: "klingai/v2.5-turbo/pro/text-to-video", prompt: "A fox"});
  const typed = {...headers, "Content-Type": "application/json"};
  const made = await (await fetch(url, {method: "POST", headers: typed, body})).json();
  const asked = url + "?generation_id=" + encodeURIComponent(made.id);
  const poll = async () => (await fetch(asked, {headers})).json();
  let job = made;
  while (!["completed", "error"].includes(job.status)) {
    await new Promise((later) => setTimeout(later, 30));
    job = await poll();
  }
  if (again) await poll();
  await (await fetch(job.video.url)).arrayBuffer();
  return job.status;
}
</script>"""
EXPORT = """async () => {
  const base = location.origin + "/devtools/";
  const {Log} = await import(base + "models/har/har.js");
  const {NetworkLog} = await import(base + "models/logs/logs.js");
  const requests = NetworkLog.NetworkLog.instance().requests();
  const log = await Log.Log.build(requests, {sanitize: true});
  for (const [index, request] of requests.entries()) {
    const data = await request.requestContentData();
    const content = log.entries[index].response.content;
    if (data.isTextContent) content.text = data.text;
    else if (data.base64) Object.assign(content, {text: data.base64, encoding: "base64"});
  }
  return JSON.stringify({log});
}"""


class Page(http.server.BaseHTTPRequestHandler):
    """Gives the page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Write the recordings."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{site.server_port}/"
    browser_path = shutil.which("chromium") or sys.exit("there is no chromium")
    sync: Any = importlib.import_module("playwright.sync_api")
    with MockServer(polls=(1, 1)) as server, sync.sync_playwright() as playwright:

        def launched(*words: str) -> Any:
            return playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", *words])

        browser = launched(f"--remote-debugging-port={PORT}", "--remote-allow-origins=*")
        for file, again in (
            ("playwright.har", False),
            ("playwright-polls-on.har", True),
            ("playwright.zip", False),
        ):
            context = browser.new_context(record_har_path=HERE / file)
            page = context.new_page()
            page.goto(address)
            page.evaluate("([base, again]) => run(base, again)", [server.base_url, again])
            context.close()
        page = browser.new_page()
        rows = json.load(urllib.request.urlopen(f"http://127.0.0.1:{PORT}/json", timeout=30))
        socket = next(row for row in rows if row["type"] == "page")["webSocketDebuggerUrl"].removeprefix(
            "ws://"
        )
        tools = launched().new_page()
        tools.goto(f"http://127.0.0.1:{PORT}/devtools/inspector.html?ws={socket}&panel=network")
        tools.wait_for_timeout(6000)
        page.goto(address)
        page.evaluate("([base, again]) => run(base, again)", [server.base_url, False])
        tools.wait_for_timeout(2000)
        (HERE / "chromium.har").write_text(tools.evaluate(EXPORT), encoding="utf-8")


if __name__ == "__main__":
    main()
