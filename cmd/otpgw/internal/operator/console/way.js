// Finding an OTP by its id or number, and its way from the request to the callbacks.
import { $, el, facts } from './kit.js';
import { order, send, sure } from './order.js';

const time = (at) => new Date(at).toLocaleTimeString('en-GB', { hour12: false }) + `.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`;
const after = (ms) => ms < 1000 ? `+${ms} ms` : ms < 60_000 ? `+${(ms / 1000).toFixed(1)} s` : `+${Math.floor(ms / 60_000)} min ${Math.round(ms % 60_000 / 1000)} s`;
const BAD = new Set(['unanswered', 'refused', 'guess']);

export function start() {
  $('find').onsubmit = (e) => { e.preventDefault(); look($('of').value.trim()); };
  $('close').onclick = () => { $('found-part').hidden = true; $('of').focus(); history.replaceState(null, '', location.pathname); };
  $('forget').onclick = forget;
  const of = new URLSearchParams(location.hash.slice(1)).get('otp');
  if (of) { $('of').value = of; look(of); }
}

let forgets; // the number of what was found

async function forget() {
  const number = forgets;
  if (!await sure(`Forget ${number}?`, 'Its OTPs and dead letters are erased in the whole cluster, and a PIN that was sent is good no more. An opt-out stays, as a hash.', 'Forget it')) return;
  const done = (said) => `${said.otps} ${said.otps === 1 ? 'OTP' : 'OTPs'} and ${said.deadLetters} dead letters are erased`;
  if (await order('forget', { body: { number }, done })) $('close').click();
}

async function look(of) {
  if (!of) return;
  let says = '', found;
  try { found = await send('GET', `otps?of=${encodeURIComponent(of)}`); if (!found) return; } catch (e) { says = e.message; }
  $('found-part').hidden = false;
  forgets = found?.otps?.[0]?.number;
  $('forget').hidden = !forgets;
  $('found-says').textContent = says || (found.more ? `the newest ${found.otps.length}; there are older ones` : found.otps.length > 1 ? `${found.otps.length}, the newest first` : '');
  $('found').replaceChildren(...(found?.otps ?? []).map((w, i) => way(w, i === 0)));
  if (/^[0-9a-f-]{36}$/i.test(of)) history.replaceState(null, '', `#otp=${of}`); // no number in an address
  $('h-found').focus();
}

function way(w, open) {
  const d = el('details', 'card way'), summary = el('summary'), ol = el('ol', 'steps'), dl = el('dl');
  d.open = open;
  summary.append(el('b', '', w.number), document.createTextNode(' '), el('span', w.status === 'VERIFIED' ? 'good' : w.status === 'PENDING' ? '' : 'bad', w.status),
    document.createTextNode(' '), el('span', 'quiet', `${w.app}, ${new Date(w.created).toLocaleString('en-GB')}`));
  const begun = Date.parse(w.steps[0].at);
  for (const s of w.steps) {
    const bad = BAD.has(s.step) || s.state === 'FAILED' || s.state === 'REJECTED' || ['dead', 'retrying'].includes(s.callback?.state) || ['EXPIRED', 'FAILED'].includes(s.status);
    const good = s.state === 'DELIVERED' || s.status === 'VERIFIED' || s.callback?.state === 'acknowledged';
    const li = el('li', bad ? 'is-bad' : good ? 'is-good' : '');
    const when = Object.assign(el('time', 'quiet', time(s.at)), { dateTime: s.at });
    li.append(when, el('span', 'quiet after', after(Date.parse(s.at) - begun)), el('span', 'what', s.says));
    ol.append(li);
  }
  facts(dl, [['otpId', w.otpId], ['from', w.from], ['country', w.country], ['parts', `${w.parts} ${w.encoding}`], ['wrong PINs', `${w.guesses} of ${w.maxAttempts}`],
    ['delivery', w.delivery.status], ...(w.trackId ? [['trackId', w.trackId]] : []), ...(w.risk?.length ? [['risk', w.risk.join(', ')]] : [])]);
  dl.className = 'wide-facts';
  d.append(summary, ol, dl);
  return d;
}
