// The funnel: of the OTPs that were asked for, how many were handed over, delivered and verified; when, where, and how fast.
import { $, country, el, number, percent, seconds, span } from './kit.js';
import { columns, lines, narrow } from './plot.js';

const STAGES = [['asked for', 'asked'], ['handed to the carrier', 'handed'], ['delivered', 'delivered'], ['verified', 'verified']];
const ROWS = 8;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

let pictures, shown = 'hour';

export function start() {
  narrow.onchange = () => { if (pictures) draw(); };
  for (const which of ['hour', 'day']) {
    $(which).onclick = () => {
      shown = which;
      for (const w of ['hour', 'day']) $(w).setAttribute('aria-pressed', String(w === which));
      if (pictures) draw();
    };
  }
}

export function take(p) { pictures = p; draw(); }

function draw() {
  const p = pictures[shown];
  const parts = p.total[0] ? [stages(p), time(p), table('By country', 'Country', p.countries, country, 0), table('By link', 'Link', p.links, (n) => n, 1),
    times('Time to deliver', p.delivery), times('Time to verify', p.verify)]
    : [el('p', 'card quiet wide', `No OTP was asked for in the last ${shown}.`)];
  $('funnel').replaceChildren(...parts);
}

function stages(p) {
  const card = el('article', 'card'), ol = el('ol', 'stages');
  STAGES.forEach(([says, cls], i) => {
    const li = el('li', cls), bar = el('span', 'bar-of');
    bar.style.width = `${Math.max(p.total[0] ? 100 * p.total[i] / p.total[0] : 0, 0.4)}%`;
    const text = el('span', 'says');
    text.append(el('b', '', number(p.total[i])), document.createTextNode(` ${says}`));
    li.append(text, el('span', 'share', i ? percent(p.total[i], p.total[0]) : ''), bar);
    ol.append(li);
  });
  card.append(el('h3', '', 'From request to the right PIN'), ol);
  return card;
}

function time(p) {
  const card = el('article', 'card'), legend = el('ul', 'legend');
  const series = STAGES.map(([says, cls], i) => ({ says, cls, values: p.points.map((c) => c[i]) }));
  for (const s of series) legend.append(el('li', s.cls, s.says));
  card.append(el('h3', '', `By the ${p.seconds === 60 ? 'minute' : `${p.seconds / 60} minutes`} of the request`), legend,
    lines(series, Date.parse(p.since), p.seconds, (d) => clock.format(d)));
  return card;
}

function table(title, what, rows, name, from) {
  const card = el('article', 'card'), t = el('table'), head = el('tr'), body = el('tbody');
  for (const [i, h] of [what, from ? 'Handed' : 'Asked', 'Delivered', 'Conversion'].entries()) head.append(Object.assign(el('th', i ? 'n' : '', h), { scope: 'col' }));
  t.append(el('thead'));
  t.tHead.append(head);
  for (const r of rows.slice(0, ROWS)) {
    const tr = el('tr'), share = r.counts[from] ? r.counts[3] / r.counts[from] : 0, cell = el('td', 'n bar-cell', percent(r.counts[3], r.counts[from]));
    const bar = el('span', 'bar-of verified');
    bar.style.width = `${Math.min(100 * share, 100)}%`;
    cell.append(bar);
    tr.append(Object.assign(el('th', '', name(r.name)), { scope: 'row' }), el('td', 'n', number(r.counts[from])), el('td', 'n', percent(r.counts[2], r.counts[from])), cell);
    body.append(tr);
  }
  t.append(body);
  card.append(el('h3', '', title), rows.length ? t : el('p', 'quiet', 'nothing yet'));
  if (rows.length > ROWS) card.append(el('p', 'quiet', `and ${rows.length - ROWS} more with fewer`));
  return card;
}

function times(title, t) {
  const card = el('article', 'card');
  const all = t.counts.reduce((a, b) => a + b, 0);
  card.append(el('h3', '', title));
  if (!all) { card.append(el('p', 'quiet', 'nothing yet')); return card; }
  const labels = t.counts.map((_, i) => i < t.bounds.length ? `${t.bounds[i] < 60 ? `${t.bounds[i]} s` : span(t.bounds[i])}` : `over ${span(t.bounds.at(-1))}`);
  card.append(el('p', '', `half within ${seconds(t.median)}, nine of ten within ${seconds(t.p90)}`), columns(t.counts, labels));
  return card;
}
