// How a route's links do with the messages to each country, and what part each gets for it: routing by conversion.
import { country, el, number, percent } from './kit.js';

const ROWS = 4; // countries that are shown at once: those where there is most to see
const SAYS = {
  on: 'Shared by conversion: who has more PINs verified gets more.',
  observe: 'Conversion is observed: OTPGW_ROUTING=on would share by it.',
  off: 'Not shared by conversion: OTPGW_ROUTING=off.',
};

export function part() {
  const c = el('div', 'scores'), more = el('details');
  more.append(el('summary'), table());
  c.append(el('p', 'quiet mode'), table(), more);
  return c;
}

function table() {
  const t = el('table');
  t.createTHead().insertRow().append(...['Link', 'Verified', 'Late', ''].map((h, i) => Object.assign(el('th', i ? 'n' : '', h), { scope: 'col' })));
  return t;
}

export function fill(c, r) {
  c.hidden = (r.links ?? []).length < 2;
  if (c.hidden) return;
  c.querySelector('.mode').textContent = SAYS[r.sharing];
  const all = [...Map.groupBy(r.scores ?? [], (s) => s.country ?? '')];
  const least = (of) => Math.min(...of.map((s) => s.share)), sent = (of) => of.reduce((sum, s) => sum + s.sent, 0);
  all.sort(([a, x], [b, y]) => least(x) - least(y) || sent(y) - sent(x) || (a < b ? -1 : 1));
  const [first, more] = [c.children[1], c.children[2]];
  show(first, all.slice(0, ROWS), r);
  show(more.lastChild, all.slice(ROWS), r);
  more.hidden = all.length <= ROWS;
  more.firstChild.textContent = all.length - ROWS === 1 ? 'one country more' : `${all.length - ROWS} countries more`;
}

function show(t, countries, r) {
  t.hidden = !countries.length;
  t.tHead.rows[0].lastChild.textContent = r.sharing === 'on' ? 'Share' : 'Would get';
  for (const old of [...t.tBodies]) old.remove();
  for (const [code, links] of countries) {
    const body = t.createTBody(), head = el('th', 'group', country(code) || 'country unknown');
    Object.assign(head, { scope: 'rowgroup', colSpan: 4 });
    body.insertRow().append(head);
    for (const s of links) body.append(row(s));
  }
}

function row(s) {
  const tr = el('tr', s.slow || s.share < 0.5 ? 'out' : ''), bar = el('span', 'bar-of verified'), due = el('td', 'n bar-cell', percent(s.due, 1));
  bar.style.width = `${100 * s.due}%`;
  due.append(bar);
  const late = el('td', `n late${s.slow ? ' bad' : ''}`, s.slow ? `slow, ${percent(s.late, 1).replace(" ", "\u00a0")}` : percent(s.late, 1));
  tr.append(Object.assign(el('th', '', s.link), { scope: 'row' }), el('td', 'n', `${number(s.verified)} of ${number(s.sent)}`), late, due);
  return tr;
}
