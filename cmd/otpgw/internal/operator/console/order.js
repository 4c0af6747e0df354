// What takes the admin token: actions, and looking somebody's OTP up. The token is asked for when there is none, or a wrong one.
import { $ } from './kit.js';

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
    if (!answer.ok) throw new Error(said.error ?? `the gateway answered ${answer.status}`);
    return said;
  }
}

// order does an action and says what came of it.
export async function order(path, body, done) {
  try {
    if (await send('POST', path, body) !== undefined) say(done ?? 'done');
  } catch (e) { say(e.message, true); }
}

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
  return new Promise((done) => $('ask').addEventListener('close', () => done($('ask').returnValue === 'ok' ? $('token').value : ''), { once: true }));
}
