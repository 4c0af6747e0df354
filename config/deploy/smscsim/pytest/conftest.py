"""A simulated SMSC for pytest.

The fixture smsc is a simulator that nobody else uses, empty at the start of each test:

    def test_login(smsc):
        app = start_my_app(smpp=smsc.smpp)      # binds to it, as it would to a carrier
        app.login("+491701234567")
        app.confirm(smsc.code("+491701234567"))

It is the program smscsim (SMSCSIM_PROGRAM says where, else it is in PATH), started once. With SMSCSIM_SMPP and
SMSCSIM_HTTP set it is one that runs already: a service of the workflow, a container.
"""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

READY = re.compile(r"SMPP on (\S+?),.* HTTP on (\S+?),")
PATIENCE = 10  # seconds for what has to come


class Simulator:
    """A simulator: smpp is host:port for clients, http where its API and its page are."""

    def __init__(self, smpp, http):
        self.smpp, self.http = smpp, http

    def ask(self, method, path, body=None, **query):
        url = self.http + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE + 5) as answer:
                text = answer.read()
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{method} {path}: {e.code} {e.read().decode()}") from None
        return json.loads(text) if text else None

    def message(self, to):
        """The next message to a number, also one that came before; each is returned once."""
        return self.ask("GET", "/api/v1/messages/wait", to=to, timeout=f"{PATIENCE}s")

    def code(self, to):
        """The one-time code in the next message to a number."""
        m = self.message(to)
        assert m["code"], f"the message to {to} has no code: {m['text']!r}"
        return m["code"]

    def messages(self, **filter):
        return self.ask("GET", "/api/v1/messages", **filter)["messages"]

    def rule(self, **rule):
        """What becomes of messages: rule(match={"to": "+4917"}, submit={"status": "ESME_RTHROTTLED"}, count=1)."""
        return self.ask("POST", "/api/v1/rules", rule)

    def answer(self, number, to, text):
        """A message from a handset."""
        return self.ask("POST", "/api/v1/messages", {"from": number, "to": to, "text": text})

    def reset(self):
        self.ask("POST", "/api/v1/reset")


@pytest.fixture(scope="session")
def smsc_process():
    if os.environ.get("SMSCSIM_HTTP"):
        sim = Simulator(os.environ.get("SMSCSIM_SMPP", "127.0.0.1:2775"), os.environ["SMSCSIM_HTTP"])
        until = time.monotonic() + PATIENCE
        while True:
            try:
                sim.ask("GET", "/healthz")
                break
            except OSError:  # it is starting
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield sim
        return
    program = os.environ.get("SMSCSIM_PROGRAM", "smscsim")
    process = subprocess.Popen(
        [program, "-smpp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-receipt-delay", "0s"], stdout=subprocess.PIPE, text=True)
    try:
        ready = READY.search(process.stdout.readline())
        assert ready, "smscsim did not start"
        yield Simulator(ready[1], ready[2])
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def smsc(smsc_process):
    smsc_process.reset()
    return smsc_process
