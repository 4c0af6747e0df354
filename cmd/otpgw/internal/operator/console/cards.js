// The cards of links, routes, applications, callbacks and the store.
import { button, bytes, el, facts, number, percent, span } from './kit.js';
import { order } from './order.js';
import * as scores from './scores.js';

const at = (link) => `links/${encodeURIComponent(link)}`;

export function linkCard(l) {
  const c = el('article', 'card'), head = el('div', 'head'), actions = el('div', 'actions');
  head.append(el('h3', '', l.link), el('span', 'is'));
  const toggle = button('pause', `pause ${l.link}`, () => order(`${at(l.link)}/${toggle.textContent}`, { done: `${l.link}: told to ${toggle.textContent}` }));
  actions.append(toggle,
    button('drain', `drain ${l.link}`, () => order(`${at(l.link)}/drain`, { done: `${l.link} takes no more; what is in flight ends` })),
    button('rebind', `rebind ${l.link}`, () => order(`${at(l.link)}/rebind`, { done: `${l.link} binds anew` })));
  c.append(head, el('dl'), el('p', 'quiet told'), el('div', 'binds'), actions);
  return c;
}

export function fillLink(c, l, now) {
  const bound = l.binds.filter((b) => b.state === 'bound');
  const since = (binds) => Math.max(...binds.map((b) => (now - Date.parse(b.since)) / 1000));
  c.className = `card${l.paused ? ' paused' : l.up ? '' : ' down'}`;
  const is = c.querySelector('.is');
  is.className = `is ${l.paused ? 'warn' : l.up ? 'good' : 'bad'}`;
  is.textContent = l.paused ? 'paused' : l.up ? `up ${span(since(bound))}` : `down ${span(since(l.binds))}`;
  facts(c.querySelector('dl'), [['binds', `${bound.length} of ${l.binds.length}`], ['parts/s', number(l.rate.accepted ?? 0)], ['rate allowed', l.rate.limit ? `${number(l.rate.limit)}/s` : 'any'],
    ['window', `${number(l.inFlight)} of ${number(l.window)}`], ['throttled', number(l.rate.throttled ?? 0)]]);
  const told = Object.entries(l.receipts ?? {}).sort((a, b) => b[1] - a[1]).map(([s, n]) => `${s} ${number(n)}`);
  c.querySelector('.told').textContent = told.length ? `receipts: ${told.join(', ')}` : '';
  c.querySelector('.binds').replaceChildren(...l.binds.filter((b) => b.state !== 'bound').map((b) => {
    const p = el('p', 'bad', `${b.bind}: ${b.state}${b.error ? `, ${b.error}` : ''}`);
    const more = [b.advice, b.retryAt ? `tried again in ${span((Date.parse(b.retryAt) - now) / 1000)}` : ''].filter(Boolean).join('; ');
    if (more) p.append(el('br'), el('span', 'quiet', more));
    return p;
  }));
  const toggle = c.querySelector('.actions').firstChild, word = l.paused ? 'resume' : 'pause';
  if (toggle.textContent !== word) toggle.textContent = word;
  toggle.setAttribute('aria-label', `${word} ${l.link}`);
}

export function routeCard(r) {
  const c = el('article', 'card'), head = el('div', 'head');
  head.append(el('h3', '', r.route), el('span', 'is'));
  c.append(head, el('p', 'quiet to'), el('p', 'bad why'), el('dl'), scores.part());
  return c;
}

export function fillRoute(c, r) {
  c.className = `card${r.degraded ? ' down' : ''}`;
  const is = c.querySelector('.is');
  is.className = `is ${r.degraded ? 'bad' : 'good'}`;
  is.textContent = r.degraded ? 'degraded' : 'as preferred';
  c.querySelector('.why').textContent = r.degraded ? 'No preferred link can send: the backup does, if there is one.' : '';
  c.querySelector('.to').textContent = `${r.prefixes.map((p) => p ? `+${p}` : 'all other numbers').join(', ')} over ${(r.links ?? []).map((l) => l.priority ? `${l.name} (backup ${l.priority})` : l.name).join(', ')}`;
  facts(c.querySelector('dl'), [['waiting', number(r.waiting)], ['in flight', number(r.inFlight)], ['oldest', r.oldest ? span(r.oldest) : '–']]);
  scores.fill(c.lastChild, r);
}

export const appCard = (a) => { const c = el('article', 'card'); c.append(el('h3', '', a.app), el('dl')); return c; };

export function fillApp(c, a) {
  const total = Object.values(a.ended).reduce((x, y) => x + y, 0);
  facts(c.querySelector('dl'), [['verified of ended', total ? percent(a.ended.VERIFIED ?? 0, total) : 'none yet'],
    ...Object.entries(a.ended).map(([s, n]) => [s.toLowerCase(), number(n)])]);
}

export function callCard() {
  const c = el('article', 'card');
  c.append(el('dl'));
  return c;
}

export function fillCalls(c, s) {
  facts(c.querySelector('dl'), [['pending', number(s.waiting)], ['oldest', s.oldest >= 1 ? span(s.oldest) : '–'], ['retrying', number(s.retrying)], ['dead letters', number(s.dead)]]);
}

export function urlCard(u) {
  const c = el('article', 'card down'), actions = el('div', 'actions');
  actions.append(button('enable', `enable ${u.host} of ${u.app}`, () => order('endpoints/enable', { body: { id: u.id }, done: `${u.host} is told again` })));
  c.append(el('h3', '', u.host), el('p', 'quiet'), actions);
  return c;
}

export const fillURL = (c, u, now) => { c.children[1].textContent = `of ${u.app}, for ${span((now - Date.parse(u.since)) / 1000)}; asked again at ${new Date(u.until).toLocaleTimeString()}`; };

export function storeRow(s) {
  const li = el('li'), m = el('meter');
  m.setAttribute('aria-label', `${s.name} is filled`);
  Object.assign(m, { min: 0, max: 1, low: 0.6, high: 0.8, optimum: 0 });
  li.append(el('b', '', s.name), m, el('span'));
  return li;
}

export function fillStore(li, s) {
  li.children[1].value = s.max ? s.bytes / s.max : 0;
  li.children[2].textContent = (s.max ? `${bytes(s.bytes)} of ${bytes(s.max)}` : bytes(s.bytes)) + (s.full ? `, full in ${span(s.full)}` : '');
}
