// An SMSC of the npm package "smpp", for conformance_test.go: it takes binds of acc/secret, answers, sends a receipt for each
// message that asks for one, asks every idle session whether it lives, and prints what it takes as JSON lines.
// A line "unbind" on stdin has it unbind every session.
'use strict';
const smpp = require('smpp');

const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');
const bound = new Set();
let messages = 0;

function bind(session, kind) {
  return (pdu) => {
    if (pdu.system_id !== 'acc' || pdu.password !== 'secret') {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return;
    }
    session.kind = kind;
    bound.add(session);
    session.send(pdu.response({ system_id: 'node' }));
  };
}

function receipt(to, from, id) {
  const receiver = [...bound].find((s) => s.kind !== 'transmitter');
  if (!receiver) return;
  receiver.deliver_sm({
    source_addr: to, source_addr_ton: 1, source_addr_npi: 1, destination_addr: from, esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    short_message: { message: `id:${id} sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:DELIVRD err:000 text:` },
    receipted_message_id: id,
  }, (resp) => say({ receipt: id, status: resp.command_status }));
}

const server = smpp.createServer({}, (session) => {
  session.on('error', () => {});
  session.on('close', () => bound.delete(session));
  session.on('bind_transceiver', bind(session, 'transceiver'));
  session.on('bind_transmitter', bind(session, 'transmitter'));
  session.on('bind_receiver', bind(session, 'receiver'));
  session.on('submit_sm', (pdu) => {
    const id = 'N' + (++messages).toString(16).toUpperCase();
    const body = pdu.message_payload || pdu.short_message;
    const place = (body.udh || []).find((e) => e[0] === 0 || e[0] === 8) || [];
    say({ to: pdu.destination_addr, from: pdu.source_addr, text: body.message, number: place[place.length - 1] || 1, total: place[place.length - 2] || 1 });
    session.send(pdu.response({ message_id: id }));
    if (pdu.registered_delivery) receipt(pdu.destination_addr, pdu.source_addr, id);
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('unknown', (pdu) => session.send(pdu.response()));
});

setInterval(() => bound.forEach((s) => s.enquire_link({}, () => say({ alive: true }))), 50);
process.stdin.setEncoding('utf8').on('data', (line) => {
  if (line.trim() === 'unbind') bound.forEach((s) => s.unbind({}, () => { say({ unbound: true }); s.close(); }));
}).on('end', () => process.exit(0));
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
