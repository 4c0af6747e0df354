// Small plots in SVG. Each has its numbers as text too: the picture is hidden from screen readers, its caption and table are not.
const NS = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes, ...children) {
  const e = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// ceiling is a round number that all values are under.
export function ceiling(most) {
  if (most <= 4) return 4;
  const unit = 10 ** Math.floor(Math.log10(most));
  for (const f of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (f * unit >= most) return f * unit;
  return 10 * unit;
}

// Text in a picture grows and shrinks with it, so a narrow one is drawn anew and not scaled down.
export const narrow = matchMedia('(max-width: 40rem)');
const LEFT = 44, RIGHT = 8, TOP = 8, BOTTOM = 22;

// lines draws series over time; the first is a filled ground, the others are lines, told apart by their dashes as well.
export function lines(series, since, step, clock) {
  const [W, H, ticks] = narrow.matches ? [360, 190, 4] : [720, 215, 6];
  const n = series[0].values.length, most = ceiling(Math.max(...series.flatMap((s) => s.values)));
  const x = (i) => LEFT + (W - LEFT - RIGHT) * i / (n - 1), y = (v) => TOP + (H - TOP - BOTTOM) * (1 - v / most);
  const root = svg('svg', { viewBox: `0 0 ${W} ${H}`, class: 'plot', 'aria-hidden': 'true', focusable: 'false' });
  for (const share of [0, 0.5, 1]) {
    const v = most * share;
    root.append(svg('line', { class: 'grid', x1: LEFT, x2: W - RIGHT, y1: y(v), y2: y(v) }),
      svg('text', { class: 'tick', x: LEFT - 6, y: y(v) + 4, 'text-anchor': 'end' }, new Intl.NumberFormat('en', { notation: 'compact' }).format(v)));
  }
  for (let i = 0; i < n; i += Math.ceil(n / ticks)) {
    root.append(svg('text', { class: 'tick', x: x(i), y: H - 4, 'text-anchor': i ? 'middle' : 'start' }, clock(new Date(since + i * step * 1000))));
  }
  const path = (values) => values.map((v, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join('');
  for (const [i, s] of series.entries()) {
    if (!i) root.append(svg('path', { class: `ground ${s.cls}`, d: `${path(s.values)}L${x(n - 1)} ${y(0)}L${x(0)} ${y(0)}Z` }));
    root.append(svg('path', { class: `line ${s.cls}`, d: path(s.values) }));
  }
  return root;
}

// columns draws a histogram; labels stand under the first, the middle and the last column.
export function columns(values, labels) {
  const w = narrow.matches ? 360 : 560, h = 120, foot = 20, most = Math.max(1, ...values), step = w / values.length;
  const root = svg('svg', { viewBox: `0 0 ${w} ${h}`, class: 'plot', 'aria-hidden': 'true', focusable: 'false' });
  values.forEach((v, i) => {
    const tall = v ? Math.max(2, (h - foot - 4) * v / most) : 0;
    root.append(svg('rect', { class: 'column', x: (i * step + 1).toFixed(1), y: (h - foot - tall).toFixed(1), width: (step - 2).toFixed(1), height: tall.toFixed(1), rx: 1.5 }));
  });
  root.append(svg('line', { class: 'grid', x1: 0, x2: w, y1: h - foot, y2: h - foot }));
  for (const i of [0, Math.floor(values.length / 2), values.length - 1]) {
    root.append(svg('text', { class: 'tick', x: ((i + 0.5) * step).toFixed(1), y: h - 4, 'text-anchor': i === 0 ? 'start' : i === values.length - 1 ? 'end' : 'middle' }, labels[i]));
  }
  return root;
}
