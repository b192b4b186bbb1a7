"""`kling-mock init`: what it finds, what it writes, what it never touches, and that what it wrote runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kling_mock import SettingsError
from kling_mock.cli.main import main
from kling_mock.errors import TargetError
from kling_mock.project import candidates, plan_for_function, probe, write

from .running import needs_node

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "testing-your-client.md").read_text(encoding="utf-8")
FILES = [
    "tests/test_kling_client.py",
    "tests/test_kling_contract.py",
    ".github/workflows/kling-client.yml",
    "AGENTS.md",
]
REQUESTS = re.findall(r"^```python\n(# client\.py\n.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[0]
ASYNC = """\
import asyncio

import httpx


async def make(payload, base, token):
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        url = f"{base}/video/generations"
        answer = await http.post(url, json=payload)
        while True:
            answer.raise_for_status()
            job = answer.json()
            if job["status"] in ("completed", "error"):
                return job["video"]["url"]
            await asyncio.sleep(10)
            answer = await http.get(url, params={"generation_id": job["id"]})
"""
NODE = """\
let input = "";
for await (const piece of process.stdin) input += piece;
const url = `${process.env.KLING_BASE_URL}/video/generations`;
const headers = { Authorization: `Bearer ${process.env.KLING_API_KEY}`, "Content-Type": "application/json" };
let job = await (await fetch(url, { method: "POST", headers, body: input })).json();
while (job.status !== "completed") {
  await new Promise((resolve) => setTimeout(resolve, 500));
  job = await (await fetch(`${url}?generation_id=${encodeURIComponent(job.id)}`, { headers })).json();
}
console.log(job.video.url);
"""
EXPORTED = """\
export async function generate(payload, { baseUrl, apiKey, interval = 500 } = {}) {
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
  const url = `${baseUrl}/video/generations`;
  let job = await (await fetch(url, { method: "POST", headers, body: JSON.stringify(payload) })).json();
  while (job.status !== "completed") {
    await new Promise((resolve) => setTimeout(resolve, interval));
    job = await (await fetch(`${url}?generation_id=${encodeURIComponent(job.id)}`, { headers })).json();
  }
  return job.video.url;
}
"""
CLIENTS = {
    "requests": ("client.py", REQUESTS),
    "httpx": ("app/video.py", ASYNC),
    "node": ("client.mjs", NODE),
    "node function": ("src/client.mjs", EXPORTED),
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "requests",
        pytest.param("httpx", marks=pytest.mark.long),
        pytest.param("node", marks=[needs_node, pytest.mark.long]),
        pytest.param("node function", marks=[needs_node, pytest.mark.long]),
    ],
)
def test_the_written_tests_and_the_step_of_the_workflow_run(kind: str, project: Path) -> None:
    put(*CLIENTS[kind])
    assert main(["init"]) == 0
    assert Path("kling_adapter.py").exists() == (kind == "httpx")
    contract = Path(FILES[1]).read_text(encoding="utf-8")
    # The same file with a few of its tests.
    few = contract.replace("max_examples=5", 'max_examples=1, properties=["A1", "A7", "B7"]')
    assert few != contract
    put(FILES[1], few)
    (step,) = re.findall(r"run: (python -m pytest .*)", Path(FILES[2]).read_text(encoding="utf-8"))
    words = [
        sys.executable,
        *shlex.split(step)[1:],
        "-p",
        "no:xdist",
        "-p",
        "no:schemathesis",
        "-p",
        "no:anyio",
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("KLING", "PYTEST"))}
    done = subprocess.run(words, cwd=project, env=environ, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


@pytest.mark.slow
def test_a_dry_run_prints_the_files_that_are_then_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("app/video.py", ASYNC)
    before = content(project)
    assert main(["init", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert content(project) == before
    assert main(["init"]) == 0
    written = {name: text for name, text in content(project).items() if name not in before}
    assert sorted(written) == sorted(["kling_adapter.py", *FILES])
    for name, text in written.items():
        indented = "\n".join(f"    {line}".rstrip() for line in text.splitlines())
        assert f"would write {name}\n\n{indented}\n" in shown


@pytest.mark.slow
@pytest.mark.parametrize("there", [FILES[:1], FILES[1:], FILES])
def test_what_is_there_is_kept_and_named(
    there: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("client.py", REQUESTS)
    for name in there:
        put(name, "mine\n")
    assert main(["init", "client:generate"]) == 0
    shown = capsys.readouterr().out
    for name in FILES:
        assert (Path(name).read_text(encoding="utf-8") == "mine\n") == (name in there)
        assert (f"kept, it is there already: {name}" in shown) == (name in there)
        assert (f"written: {name}" in shown) == (name not in there)
    assert ("Nothing was written" in shown) == (there == FILES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "words", "says"),
    [
        ("", [], "no client was found in "),
        ("import nothing_of_this_name", ["client:generate"], "No module named 'nothing_of_this_name'"),
        ("raise SystemExit(3)", ["client:generate"], "client:generate cannot be imported: SystemExit: 3"),
        ("import os; os._exit(3)", ["client:generate"], "left the process with status 3"),
        ("def make(): ...", ["client:generate"], "client has no function 'generate'; it has make"),
        ("class Client: ...", ["client:Client"], "client:Client is a class"),
        ("def generate(): ...", ["client:generate"], "takes no payload"),
        ("def generate(payload): ...", ["client:generate"], "takes no base URL"),
        ("def generate(payload, base, user): ...", ["client:generate"], "needs user as well"),
        ("", ["client.py"], "expected MODULE:FUNCTION"),
        ("", ["--", "node-of-no-name", "client.mjs"], "There is no program 'node-of-no-name' on PATH"),
        ("", ["--", sys.executable, "client.mjs"], "there is no file client.mjs"),
        ("", ["client:generate", "--", "node"], "expected one client"),
        (
            "# video/generations\ndef one(payload, base_url): ...\ndef two(payload, base_url): ...",
            [],
            "there are several clients here: client:one, client:two",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_a_client_is_named_and_nothing_is_written(
    module: str, words: list[str], says: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("client.py", module + "\n")
    assert main(["init", *words]) == 2
    assert says in capsys.readouterr().err
    assert list(content(project)) == ["client.py"]


def test_where_one_file_cannot_be_written_none_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("client.py", REQUESTS)
    put(".github", "a file\n")
    before = content(project)
    assert main(["init"]) == 2
    assert f"{FILES[2]} cannot be written" in capsys.readouterr().err
    assert content(project) == before and not Path("tests").exists()
    with pytest.raises(SettingsError, match=r"client\.py cannot be written"):
        write(project, {"new/one.py": "", "client.py": ""})
    assert content(project) == before and not Path("new").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("def generate(payload, *, base_url, api_key): ...", None),
        ("def generate(payload, **options): ...", None),
        ("def generate(prompt, image_url=None, *, base_url, api_key): ...", None),
        ("def generate(payload, base, key): ...", "(payload=payload, base=base_url, key=api_key)"),
        ("def generate(base_url, api_key, body): ...", "(body=payload, base_url=base_url, api_key=api_key)"),
        ("async def generate(p, /, url): ...", "return await client.generate(payload, url=base_url)"),
        (
            "def generate(prompt, duration=5, seed=object(), base=''): ...",
            "def generate(*, prompt, duration=5, base_url, api_key):\n"
            "    return client.generate(prompt=prompt, duration=duration, base=base_url)",
        ),
        (
            "URL = 'https://api.aimlapi.com/v2'\nAPI_KEY = 'x'\ndef generate(payload): ...",
            "    client.URL = base_url\n    client.API_KEY = api_key\n    return ",
        ),
        (
            "import os\nURL = 'https://api.aimlapi.com/v2'\ndef generate(payload): os.environ['KLING_KEY']",
            "    client.URL = base_url\n    os.environ[\"KLING_KEY\"] = api_key\n    return ",
        ),
        (
            "from os import getenv, environ\n"
            "def head(): return environ.get('AIML_TOKEN', ''), getenv('HOME')\n"
            "def generate(payload): return getenv('AIML_BASE_URL')",
            "    os.environ[\"AIML_BASE_URL\"] = base_url\n    os.environ[\"AIML_TOKEN\"] = api_key\n",
        ),
    ],
)  # fmt: skip
def test_an_adapter_is_written_only_where_the_signature_needs_one(
    source: str, call: str | None, project: Path
) -> None:
    put("client.py", source + "\n")
    adapter = plan_for_function(probe("client:generate", project), project).files.get("kling_adapter.py")
    assert (adapter is None) == (call is None)
    if adapter is not None and call is not None:
        compile(adapter, "kling_adapter.py", "exec")
        assert call in adapter


def test_functions_and_programs_are_found_and_nothing_else_is(project: Path) -> None:
    put("src/shop/video.py", ASYNC + "\n\ndef _hidden(payload, base_url): ...\n")
    put("client.mjs", NODE)
    put("lib.mjs", NODE.replace("process.stdin", "pieces"))
    for place in ("tests/test_it.py", "node_modules/x/client.py", ".venv/client.py", "odd-name.py"):
        put(place, ASYNC)
    put("broken.py", "def video/generations(")
    assert candidates(project) == ["shop.video:make", "node client.mjs"]
    put("usual.py", ASYNC.replace("make", "generate"))
    assert candidates(project) == ["usual:generate", "node client.mjs"]
    put("src/web.mjs", EXPORTED)
    put("kling_driver.mjs", EXPORTED)
    assert "src/web.mjs:generate" in candidates(project)
    assert not [name for name in candidates(project) if "kling_driver" in name]


def test_a_terminal_is_asked_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.py", ASYNC)
    put("b.py", ASYNC)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert main(["init"]) == 2
    assert "no client was named" in capsys.readouterr().err
    monkeypatch.setattr("builtins.input", lambda _: "2")
    assert main(["init", "--dry-run"]) == 0
    assert "client: b:make" in capsys.readouterr().out


def test_a_module_that_never_comes_back_is_named(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    put("client.py", "import threading; threading.Event().wait()\n")
    monkeypatch.setenv("KLING_MOCK_IMPORT_SECONDS", "0.5")
    with pytest.raises(TargetError, match="did not come back from its import within"):
        probe("client:generate", project)


def test_the_listing_of_the_guide_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    put("client.py", REQUESTS)
    (listing,) = re.findall(r"^```console\n\$ (kling-mock init\n.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    command, _, printed = listing.partition("\n")
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == printed


@needs_node
def test_a_command_needs_no_shell(project: Path) -> None:
    put("my client.mjs", NODE)
    assert shutil.which("node")
    assert main(["init", "--", "node", "my client.mjs"]) == 0
    assert 'COMMAND = ["node", "my client.mjs"]' in Path(FILES[0]).read_text(encoding="utf-8")
    assert 'contract_test(["node", "my client.mjs"]' in Path(FILES[1]).read_text(encoding="utf-8")
    assert "setup-node" in Path(FILES[2]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("export function make(p, { baseUrl, apiKey }) {}", ["make(payload, { baseUrl, apiKey })"]),
        ("export const make = async (p, base, token) => 1", ["make(payload, baseUrl, apiKey)"]),
        (
            "async function make(p, options = {}) { options.url; options?.key }\nmodule.exports = { make };",
            ["make(payload, { url: baseUrl, key: apiKey })"],
        ),
        (
            "function make({ prompt, base_url, api_key }) {}\nexport { make };",
            ["make({ ...payload, base_url: baseUrl, api_key: apiKey })"],
        ),
        (
            "const U = process.env.AIML_BASE_URL, K = process.env['AIML_KEY'];\nexports.make = make;\n"
            "function make(p, retries = 3, url) {}",
            [
                "process.env.AIML_BASE_URL = baseUrl;",
                "process.env.AIML_KEY = apiKey;",
                "make(payload, undefined, baseUrl)",
            ],
        ),
        (
            "export default function make(p, url) { fetch(url + '/v2/video/generations') }",
            ['const baseUrl = process.env.KLING_BASE_URL.replace(/\\/v2$/, "");', "make(payload, baseUrl)"],
        ),
        ("export function make(p) { return process.env.KLING_BASE_URL; }", ["make(payload)"]),
    ],
)
def test_a_function_of_a_module_in_javascript_gets_a_driver(
    text: str, lines: list[str], project: Path
) -> None:
    put("client.mjs", text)
    assert main(["init", "client.mjs:make"]) == 0
    driver = Path("kling_driver.mjs").read_text(encoding="utf-8")
    assert [line for line in lines if line not in driver] == []
    assert 'COMMAND = ["node", "kling_driver.mjs"]' in Path(FILES[0]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "exports no function 'make'; it has none"),
        ("export function other(payload) {}", "exports no function 'make'; it has other"),
        ("function make(p, url) {}", "exports no function 'make'"),
        ("export function make(p) {}", "takes no base URL: expected generate(payload, { baseUrl, apiKey })"),
        ("export function make(p, url, user) {}", "needs user as well"),
        (None, "there is no file client.mjs"),
    ],
)
def test_a_function_in_javascript_that_cannot_be_called_is_named(
    text: str | None, said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        put("client.mjs", text)
    assert main(["init", "client.mjs:make"]) == 2
    assert said in capsys.readouterr().err
    assert set(content(project)) <= {"client.mjs"}
