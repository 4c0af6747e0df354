"""An example: what is tested here, a client made with smpplib, is your application."""

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions


@pytest.fixture
def app(smsc):
    host, port = smsc.smpp.rsplit(":", 1)
    client = smpplib.client.Client(host, int(port), allow_unknown_opt_params=True)
    client.connect()
    client.bind_transmitter(system_id="app", password="secret")
    yield client
    client.unbind()
    client.disconnect()


def send(client, to, text):
    client.send_message(
        source_addr_ton=smpplib.consts.SMPP_TON_ALNUM, source_addr="Shop",
        dest_addr_ton=smpplib.consts.SMPP_TON_INTL, dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN, destination_addr=to,
        short_message=text)
    client.read_once()


def test_code(smsc, app):
    send(app, "491701234567", b"Your code is 4711")
    assert smsc.code("+491701234567") == "4711"


def test_refused(smsc, app):
    smsc.rule(match={"to": "+4917"}, submit={"status": "ESME_RTHROTTLED"}, count=1)
    with pytest.raises(smpplib.exceptions.PDUError, match="88"):
        send(app, "491701234567", b"Your code is 4711")
    send(app, "491701234567", b"Your code is 4712")
    assert [m["code"] for m in smsc.messages()] == ["4712"]


def test_each_begins_empty(smsc):
    assert smsc.messages() == []
