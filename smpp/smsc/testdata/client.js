// An ESME made with the npm package smpp: refused with a wrong password, then every operation it has, and the receipts.
const smpp = require('smpp');
const url = process.argv[2];

const fail = (why) => { console.error(why); process.exit(1); };
setTimeout(() => fail('it took too long'), 20000).unref();

const call = (session, name, options) => new Promise((resolve) => session[name](options, resolve));
const open = (options) => new Promise((resolve, reject) => {
  const session = smpp.connect(options, () => resolve(session));
  session.on('error', reject);
});
const to = (n) => ({ source_addr_ton: 5, source_addr: 'Verify', dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: n, registered_delivery: 1 });
const want = (what, got, wanted) => { if (got !== wanted) fail(`${what}: ${got}, want ${wanted}`); };

async function main() {
  const refused = await open({ url });
  want('wrong password', (await call(refused, 'bind_transceiver', { system_id: 'alice', password: 'wrong' })).command_status, smpp.ESME_RINVPASWD);
  refused.destroy();

  const session = await open({ url, auto_enquire_link_period: 200 });
  const receipts = [];
  session.on('deliver_sm', (pdu) => {
    session.send(pdu.response());
    const text = Buffer.isBuffer(pdu.short_message) ? '' : pdu.short_message.message;
    receipts.push({ class: pdu.esm_class, text: String(text), id: pdu.receipted_message_id, state: pdu.message_state });
  });
  session.on('data_sm', (pdu) => {
    session.send(pdu.response());
    receipts.push({ class: pdu.esm_class, text: 'data_sm', id: pdu.receipted_message_id, state: pdu.message_state });
  });
  want('bind', (await call(session, 'bind_transceiver', { system_id: 'alice', password: 'secret' })).command_status, 0);

  const ids = {};
  const submit = async (n, text, operation = 'submit_sm', extra = {}) => {
    const body = operation === 'data_sm' ? { message_payload: text } : { short_message: text };
    const pdu = await call(session, operation, { ...to(n), ...body, ...extra });
    if (pdu.command_status === 0) ids[n] = pdu.message_id;
    return pdu;
  };
  want('submit', (await submit('491701234567', 'Your code is 4711')).command_status, 0);
  want('submit, Cyrillic', (await submit('359888123456', 'Ваш код 4712')).command_status, 0);
  want('submit, payload', (await call(session, 'submit_sm', { ...to('491700000001'), message_payload: 'long '.repeat(60) })).command_status, 0);
  want('data_sm', (await submit('491700000002', 'by data 4713', 'data_sm')).command_status, 0);
  want('9001', (await submit('491700009001', 'x')).command_status, 0);
  want('9005', (await submit('491700009005', 'x')).command_status, smpp.ESME_RTHROTTLED);
  want('9005 again', (await submit('491700009005', 'x')).command_status, 0);
  want('9006', (await submit('491700009006', 'x')).command_status, smpp.ESME_RINVDSTADR);
  want('9019', (await submit('491700009019', 'x')).command_status, 0);
  want('9011', (await submit('491700009011', 'late')).command_status, 0);
  const source = { source_addr_ton: 5, source_addr: 'Verify' };
  const late = ids['491700009011'];
  want('query_sm', (await call(session, 'query_sm', { message_id: late, ...source })).message_state, 1);
  want('replace_sm', (await call(session, 'replace_sm', { message_id: late, ...source, short_message: 'replaced 4714' })).command_status, 0);
  want('cancel_sm', (await call(session, 'cancel_sm', { message_id: late, ...source, destination_addr: '491700009011' })).command_status, 0);
  want('query_sm, deleted', (await call(session, 'query_sm', { message_id: late, ...source })).message_state, 4);
  const multi = await call(session, 'submit_multi', {
    ...source, dest_address: [{ dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491700000003' }, { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491700009006' }],
    short_message: 'to two 4715',
  });
  want('submit_multi', multi.command_status, 0);
  want('submit_multi, refused', multi.unsuccess_sme.length, 1);
  want('enquire_link', (await call(session, 'enquire_link', {})).command_status, 0);
  want('an unknown command', (await call(session, 'broadcast_sm', { message_id: 'x' })).command_status, smpp.ESME_RINVCMDID);

  while (receipts.length < 7) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const r of receipts) console.log('receipt', JSON.stringify(r));
  console.log('ids', JSON.stringify(ids));
  want('unbind', (await call(session, 'unbind', {})).command_status, 0);
  session.destroy();
}
main().then(() => process.exit(0), fail);
