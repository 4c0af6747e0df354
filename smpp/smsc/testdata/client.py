"""An ESME made with smpplib: refused with a wrong password, then sends two messages and prints their receipts."""
import sys

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

host, port = sys.argv[1], int(sys.argv[2])

refused = smpplib.client.Client(host, port, timeout=10)
refused.connect()
try:
    refused.bind_transceiver(system_id="alice", password="wrong")
    sys.exit("a wrong password was taken")
except smpplib.exceptions.PDUError as e:
    print("refused:", e)
refused.disconnect()

client = smpplib.client.Client(host, port, timeout=10)
waiting = set()
receipts = []


def sent(pdu):
    assert pdu.status == 0, pdu.status
    waiting.add(pdu.message_id.decode())


def received(pdu):
    print("receipt", pdu.short_message.decode("ascii"))
    assert pdu.esm_class == 4, pdu.esm_class
    assert pdu.message_state == 2, pdu.message_state
    receipts.append(pdu.receipted_message_id.decode().rstrip("\0"))
    return 0


client.set_message_sent_handler(sent)
client.set_message_received_handler(received)
client.connect()
client.bind_transceiver(system_id="alice", password="secret")

submitted = 0
for text in "Your code is 4711", "Ваш код 4711. " * 20:
    parts, encoding, msg_type = smpplib.gsm.make_parts(text)
    for part in parts:
        client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM, source_addr="Verify",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL, dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr="491701234567", short_message=part, data_coding=encoding, esm_class=msg_type,
            registered_delivery=True)
        submitted += 1

client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=client))
while len(receipts) < submitted:
    client.read_once()
assert set(receipts) == waiting, (receipts, waiting)
client.unbind()
client.disconnect()
print("sent", submitted)
