// The console shows what GET live sends, and does what an operator orders. Cards are updated in place, so that focus stays.
const $ = (id) => document.getElementById(id);
const el = (tag, cls, text) => Object.assign(document.createElement(tag), { className: cls ?? '', textContent: text ?? '' });

const number = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const bytes = (n) => { let u = 0; while (n >= 1024 && u < 4) { n /= 1024; u++; } return `${n.toFixed(u && n < 100 ? 1 : 0)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][u]}`; };
const span = (s) => s < 60 ? `${Math.max(0, Math.round(s))} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min` : `${Math.floor(s / 86400)} d`;

// list keeps one element for each item, by its key.
function list(parent, items, key, make, fill) {
  const old = new Map([...parent.children].map((c) => [c.dataset.key, c]));
  for (const item of items) {
    let c = old.get(key(item));
    if (c) old.delete(key(item)); else { c = make(item); c.dataset.key = key(item); parent.append(c); }
    fill(c, item);
  }
  for (const gone of old.values()) gone.remove();
}

const facts = (dl, rows) => dl.replaceChildren(...rows.map(([dt, dd]) => { const d = el('div'); d.append(el('dt', '', dt), el('dd', '', dd)); return d; }));

function linkCard(l) {
  const c = el('article', 'card'), head = el('div', 'head'), actions = el('div', 'actions');
  head.append(el('h3', '', l.link), el('span', 'is'));
  for (const action of ['pause', 'rebind']) {
    const b = el('button', action, action);
    b.type = 'button';
    b.onclick = () => order(`links/${encodeURIComponent(l.link)}/${b.textContent.split(' ')[0]}`);
    actions.append(b);
  }
  c.append(head, el('dl'), el('div', 'binds'), actions);
  return c;
}

function fillLink(c, l, now) {
  const up = l.binds.filter((b) => b.state === 'bound').length;
  c.className = `card${l.paused ? ' paused' : l.up ? '' : ' down'}`;
  const is = c.querySelector('.is');
  is.className = `is ${l.paused ? 'warn' : l.up ? 'good' : 'bad'}`;
  is.textContent = l.paused ? 'paused' : l.up ? 'can send' : 'cannot send';
  facts(c.querySelector('dl'), [['binds', `${up} of ${l.binds.length}`], ['parts/s', number.format(l.rate.accepted ?? 0)], ['limit', l.rate.limit ? `${number.format(l.rate.limit)}/s` : 'none'],
    ['in flight', number.format(l.inFlight)], ['throttled', number.format(l.rate.throttled ?? 0)]]);
  c.querySelector('.binds').replaceChildren(...l.binds.filter((b) => b.state !== 'bound').map((b) => {
    const p = el('p', 'bad', `${b.bind}: ${b.state}${b.error ? `, ${b.error}` : ''}`);
    const more = [b.advice, b.retryAt ? `tried again in ${span((Date.parse(b.retryAt) - now) / 1000)}` : ''].filter(Boolean).join('; ');
    if (more) p.append(el('br'), el('span', 'quiet', more));
    return p;
  }));
  const button = c.querySelector('.pause'), word = l.paused ? 'resume' : 'pause';
  if (button.textContent !== word) button.textContent = word;
  button.setAttribute('aria-label', `${word} ${l.link}`);
  c.querySelector('.rebind').setAttribute('aria-label', `rebind ${l.link}`);
}

function routeCard(r) {
  const c = el('article', 'card'), head = el('div', 'head');
  head.append(el('h3', '', r.route), el('span', 'is'));
  c.append(head, el('p', 'quiet to'), el('p', 'bad why'), el('dl'));
  return c;
}

function fillRoute(c, r) {
  c.className = `card${r.degraded ? ' down' : ''}`;
  const is = c.querySelector('.is');
  is.className = `is ${r.degraded ? 'bad' : 'good'}`;
  is.textContent = r.degraded ? 'degraded' : 'as preferred';
  c.querySelector('.why').textContent = r.degraded ? 'No preferred link can send: the backup does, if there is one.' : '';
  c.querySelector('.to').textContent = `${r.prefixes.map((p) => p ? `+${p}` : 'all other numbers').join(', ')} over ${(r.links ?? []).map((l) => l.priority ? `${l.name} (backup ${l.priority})` : l.name).join(', ')}`;
  facts(c.querySelector('dl'), [['waiting', number.format(r.waiting)], ['in flight', number.format(r.inFlight)]]);
}

function fillApp(c, a) {
  const total = Object.values(a.ended).reduce((x, y) => x + y, 0);
  facts(c.querySelector('dl'), [['conversion', total ? `${Math.round(100 * (a.ended.VERIFIED ?? 0) / total)} %` : 'none yet'],
    ...Object.entries(a.ended).map(([s, n]) => [s.toLowerCase(), number.format(n)])]);
}

const appCard = (a) => { const c = el('article', 'card'); c.append(el('h3', '', a.app), el('dl')); return c; };

function urlCard(u) {
  const c = el('article', 'card down'), b = el('button', '', 'enable');
  b.type = 'button';
  b.setAttribute('aria-label', `enable ${u.host} of ${u.app}`);
  b.onclick = () => order('endpoints/enable', { id: u.id });
  const actions = el('div', 'actions');
  actions.append(b);
  c.append(el('h3', '', u.host), el('p', 'quiet'), actions);
  return c;
}

const fillURL = (c, u, now) => { c.children[1].textContent = `of ${u.app}, for ${span((now - Date.parse(u.since)) / 1000)}; asked again at ${new Date(u.until).toLocaleTimeString()}`; };

function storeRow(s) {
  const li = el('li'), m = el('meter');
  m.setAttribute('aria-label', `${s.name} is filled`);
  Object.assign(m, { min: 0, max: 1, low: 0.6, high: 0.8, optimum: 0 });
  li.append(el('b', '', s.name), m, el('span'));
  return li;
}

function fillStore(li, s) {
  li.children[1].value = s.max ? s.bytes / s.max : 0;
  li.children[2].textContent = s.max ? `${bytes(s.bytes)} of ${bytes(s.max)}` : bytes(s.bytes);
}

function show(v) {
  const now = Date.parse(v.now), degraded = v.routes.some((r) => r.degraded);
  const state = v.ready ? degraded ? ['warn', 'degraded'] : ['good', 'ready'] : ['bad', 'not ready'];
  $('state').className = state[0];
  if ($('state').lastChild.textContent !== state[1]) $('state').lastChild.textContent = state[1];
  document.title = `otpgw: ${state[1]}`;
  $('version').textContent = v.version;
  $('line').textContent = `up ${span(v.uptime)}${v.store === 'ok' ? '' : `; the store: ${v.store}`}`;
  list($('links'), v.links, (l) => l.link, linkCard, (c, l) => fillLink(c, l, now));
  list($('routes'), v.routes, (r) => r.route, routeCard, fillRoute);
  list($('apps'), v.apps, (a) => a.app, appCard, fillApp);
  $('urls-part').hidden = !(v.disabled ?? []).length;
  list($('urls'), v.disabled ?? [], (u) => u.id, urlCard, (c, u) => fillURL(c, u, now));
  list($('store'), v.streams.filter((s) => s.bytes).sort((a, b) => (b.max ? b.bytes / b.max : 0) - (a.max ? a.bytes / a.max : 0)).slice(0, 8), (s) => s.name, storeRow, fillStore);
}

// order does an action, and asks for the token when there is none, or a wrong one.
async function order(path, body) {
  for (let wrong = ''; ; wrong = 'This is not the token.') {
    let token = sessionStorage.getItem('token');
    if (!token || wrong) token = await ask(wrong);
    if (!token) return;
    const answer = await fetch(path, { method: 'POST', headers: { 'X-Admin-Token': token }, body: body && JSON.stringify(body) });
    if (answer.status !== 401) { sessionStorage.setItem('token', token); return; }
    sessionStorage.removeItem('token');
  }
}

function ask(wrong) {
  $('wrong').textContent = wrong;
  $('token').value = '';
  $('ask').returnValue = '';
  $('ask').showModal();
  return new Promise((done) => $('ask').addEventListener('close', () => done($('ask').returnValue === 'ok' ? $('token').value : ''), { once: true }));
}

const source = new EventSource('live');
source.onmessage = (e) => show(JSON.parse(e.data));
source.onerror = () => { $('state').className = 'bad'; $('state').lastChild.textContent = 'the gateway does not answer; trying again'; };
