// What an operator does with the whole: dead letters, what the guard is told of numbers, the log level, a reload.
import { $, button, el, facts, list, number, span } from './kit.js';
import { order, sure } from './order.js';

const SHOWN = 20;       // dead letters
const AGAIN = 10_000;   // ms, until they are asked for again though there are as many

let dead = { count: 0, at: 0, letters: [] };

export function start() {
  $('rule').onsubmit = (e) => {
    e.preventDefault();
    const action = e.submitter.value, prefix = `+${$('prefix').value.replace(/[^0-9]/g, '')}`, life = $('life').value;
    order(`guard/${action}`, { body: { prefix, ...(life && { for: life }) }, done: `${prefix}: ${action === 'allow' ? 'allowed' : 'denied'}` });
  };
  $('level').onsubmit = (e) => {
    e.preventDefault();
    const level = $('to-level').value;
    order(`loglevel/${level}`, { done: `the log level is ${level} until the next start or reload` });
  };
  $('reload').onclick = () => order('reload', { done: (said) => `reloaded; changed: ${(said.changed ?? []).join(', ') || 'nothing'}`
    + (said.restart?.length ? `; after a restart: ${said.restart.join(', ')}` : '') });
}

export function show(v, now) {
  facts($('gateway'), [['log level', v.logLevel], ['daemons', v.daemons.join(', ')]]);
  list($('guard'), v.guard, (b) => b.prefix, rule, (c, b) => fillRule(c, b, now));
  letters(v.callbacks.dead, now);
}

function rule(b) {
  const c = el('article', 'card'), head = el('div', 'head');
  head.append(el('h3', '', b.prefix), el('span', 'is'), button('unblock', `unblock ${b.prefix}`,
    () => order('guard/unblock', { body: { prefix: b.prefix }, done: `${b.prefix}: as the guard finds` })));
  c.append(head);
  return c;
}

function fillRule(c, b, now) {
  const is = c.querySelector('.is');
  is.className = `is ${b.allow ? 'good' : 'bad'}`;
  is.textContent = `${b.allow ? 'allowed' : 'denied'}${b.until ? ` for ${span((Date.parse(b.until) - now) / 1000)}` : ''}`;
}

// letters asks for them when there are more or fewer: that they are there is in each event, what they are is not.
async function letters(count, now) {
  $('dead-part').hidden = !count;
  if (count && (count !== dead.count || now - dead.at > AGAIN)) {
    dead = { ...dead, count, at: now };
    const answer = await fetch(`dlq?limit=${SHOWN}`).catch(() => undefined);
    if (answer?.ok) dead.letters = await answer.json();
  }
  if (!count) dead = { count: 0, at: 0, letters: [] };
  const kinds = new Set(dead.letters.map((d) => d.kind));
  $('dead-says').textContent = count > dead.letters.length ? `the oldest ${dead.letters.length} of ${number(count)}; otpgw ctl dead has all` : '';
  list($('dead'), [...[...kinds].map((kind) => ({ kind, all: true })), ...dead.letters], (d) => d.all ? d.kind : String(d.sequence), letter, (c, d) => fillLetter(c, d, now));
}

const WHAT = { callback: 'callbacks', receipt: 'receipts', sms: 'messages' };

function letter(d) {
  const c = el('article', 'card'), actions = el('div', 'actions'), what = d.all ? `all dead ${WHAT[d.kind] ?? d.kind}` : `dead letter ${d.sequence}`;
  const path = d.all ? 'dlq' : `dlq/${d.sequence}`, query = d.all ? `?kind=${d.kind}` : '';
  const told = (said, word) => `${what}: ${d.all ? number(said[word] ?? 0) : ''} ${word}`.replace('  ', ' ');
  actions.append(
    button('replay', `replay ${what}`, () => order(`${path}/replay${query}${d.kind === 'callback' ? `${query ? '&' : '?'}enable=true` : ''}`, { done: (s) => told(s, 'replayed') })),
    button('drop', `drop ${what}`, async () => {
      if (await sure(`Drop ${what}?`, 'What is dropped is told to nobody, and cannot be brought back.', 'Drop')) order(path + query, { method: 'DELETE', done: (s) => told(s, 'dropped') });
    }));
  c.append(el('h3', '', d.all ? `All ${WHAT[d.kind] ?? d.kind}` : subject(d)), el('p', 'quiet'), actions);
  return c;
}

const subject = (d) => [d.event ?? d.kind, d.app && `of ${d.app}`, d.host && `to ${d.host}`, d.link && `over ${d.link}`, d.route && `on route ${d.route}`].filter(Boolean).join(' ');

function fillLetter(c, d, now) {
  c.classList.toggle('down', !d.all);
  c.children[1].textContent = d.all ? 'those that are listed here, and the rest of the kind'
    : `${d.count > 1 ? `${d.count} OTPs; ` : ''}${span((now - Date.parse(d.time)) / 1000)} ago: ${d.reason}`;
}
