// What takes the admin token: actions, and looking somebody's OTP up. The token is asked for when there is none, or a wrong one.
import { $ } from './kit.js';

// Not a button that submits: Enter in the token's field would press it, for it comes first.
for (const dialog of [$('ask'), $('sure')]) dialog.querySelector('.cancel').onclick = () => dialog.close('');

// send returns the answer's body, or undefined when the operator gave no token; it throws what the gateway says is wrong.
export async function send(method, path, body) {
  for (let wrong = ''; ; wrong = 'This is not the token.') {
    let token = sessionStorage.getItem('token');
    if (!token || wrong) token = await ask(wrong);
    if (!token) return undefined;
    const answer = await fetch(path, { method, headers: { 'X-Admin-Token': token }, body: body && JSON.stringify(body) });
    if (answer.status === 401) { sessionStorage.removeItem('token'); continue; }
    sessionStorage.setItem('token', token);
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error([said.error ?? `the gateway answered ${answer.status}`, ...(said.faults ?? [])].join('; '));
    return said;
  }
}

// order does an action, and says what came of it: by all daemons of a cluster, or not by which and why.
export async function order(path, { body, done = 'done', method = 'POST' } = {}) {
  try {
    const said = await send(method, path, body);
    if (said === undefined) return false;
    const failed = (said.daemons ?? []).filter((d) => d.error).map((d) => `not done by ${d.daemon}: ${d.error}`);
    if (said.warning) failed.push(said.warning);
    if (said.left) failed.push(`${said.left} left: ${Object.keys(said.reasons ?? {}).join('; ')}`);
    say(failed.length ? failed.join('; ') : typeof done === 'function' ? done(said) : done, failed.length > 0);
    return !failed.length;
  } catch (e) { say(e.message, true); return false; }
}

// sure asks before something that cannot be undone.
export function sure(title, says, word) {
  $('sure-title').textContent = title;
  $('sure-says').textContent = says;
  $('sure-ok').textContent = word;
  $('sure').returnValue = '';
  $('sure').showModal();
  return asked('sure').then((answer) => answer === 'ok');
}

// asked is what a dialog that was just opened is closed with. Its event comes a moment after the closing, when the dialog may be open
// for another question already: that one is not what was answered.
const waiting = {};
function asked(id) {
  waiting[id]?.('');
  return new Promise((done) => { waiting[id] = done; });
}
for (const dialog of [$('ask'), $('sure')]) dialog.addEventListener('close', () => { if (!dialog.open) waiting[dialog.id]?.(dialog.returnValue); });

let quiet;
export function say(text, bad) {
  $('did').textContent = text;
  $('did').classList.toggle('bad', Boolean(bad));
  clearTimeout(quiet);
  quiet = setTimeout(() => { $('did').textContent = ''; }, 6000);
}

function ask(wrong) {
  $('wrong').textContent = wrong;
  $('token').value = '';
  $('ask').returnValue = '';
  $('ask').showModal();
  return asked('ask').then((answer) => (answer === 'ok' ? $('token').value : ''));
}
