// What all parts of the console are made of: elements, lists that keep theirs, and numbers as people read them.
export const $ = (id) => document.getElementById(id);
export const el = (tag, cls, text) => Object.assign(document.createElement(tag), { className: cls ?? '', textContent: text ?? '' });

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
export const number = (n) => n < 100_000 ? whole.format(n) : compact.format(n);
export const percent = (part, all) => !all ? '–' : part === all ? '100 %' : `${(Math.min(100 * part / all, 99.9)).toFixed(part / all < 0.995 ? 0 : 1)} %`;
export const bytes = (n) => { let u = 0; while (n >= 1024 && u < 4) { n /= 1024; u++; } return `${n.toFixed(u && n < 100 ? 1 : 0)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][u]}`; };
export const span = (s) => s < 60 ? `${Math.max(0, Math.round(s))} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min` : `${Math.floor(s / 86400)} d`;
export const seconds = (s) => !s ? '–' : s < 10 ? `${s.toFixed(1)} s` : span(s);

const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' });
export const country = (code) => { try { return /^[A-Z]{2}$/.test(code) ? names.of(code) : code === 'other' ? 'others' : code; } catch { return code; } };

// list keeps one element for each item, by its key, so that focus stays where it is.
export function list(parent, items, key, make, fill) {
  const old = new Map([...parent.children].map((c) => [c.dataset.key, c]));
  for (const item of items) {
    let c = old.get(key(item));
    if (c) old.delete(key(item)); else { c = make(item); c.dataset.key = key(item); parent.append(c); }
    fill(c, item);
  }
  for (const gone of old.values()) gone.remove();
}

export const facts = (dl, rows) => dl.replaceChildren(...rows.map(([dt, dd]) => { const d = el('div'); d.append(el('dt', '', dt), el('dd', '', dd)); return d; }));

export function button(word, label, act) {
  const b = el('button', word.split(' ')[0], word);
  b.type = 'button';
  b.setAttribute('aria-label', label);
  b.onclick = act;
  return b;
}
