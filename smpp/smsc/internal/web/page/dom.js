// How elements are made. Text from outside only ever gets in as text nodes: nothing here, or elsewhere on the page,
// parses HTML.

const SVG = "http://www.w3.org/2000/svg";

// h makes an element: h("button", {class: "quiet", onclick: f}, "Close"). Properties beginning with "on" are listeners;
// a value of false, null or undefined leaves the attribute out. Children are elements or text.
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) el.setAttribute(name, String(value));
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c))));
  return el;
}

// icon draws one of icons.svg. With a label it means something; without one it is decoration.
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "i");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/page/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

// sync makes the children of parent those of items, in their order, with as few changes as possible: what has the focus
// or is selected stays. key names an item, stamp says whether a drawn one is still right, and make draws it, into the old
// element if it wants: a click that has begun there then ends there.
export function sync(parent, items, key, make, stamp) {
  const old = new Map();
  for (const el of parent.children) old.set(el.dataset.key, el);
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item), s = String(stamp(item));
    let el = old.get(k);
    old.delete(k);
    if (!el || el.dataset.stamp !== s) {
      const fresh = make(item, el);
      fresh.dataset.key = k;
      fresh.dataset.stamp = s;
      if (el && el !== fresh) {
        const focused = el.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
        if (at === el) at = fresh;
        el.replaceWith(fresh);
        if (focused) fresh.querySelector(`[data-focus="${focused}"]`)?.focus();
      }
      el = fresh;
    }
    if (el === at) at = at.nextElementSibling;
    else parent.insertBefore(el, at);
  }
  for (const el of old.values()) el.remove();
}

// toast says something for a moment.
export function toast(text, kind = "note") {
  const el = h("p", { class: `toast ${kind}` }, text);
  byId("toasts").replaceChildren(el);
  setTimeout(() => el.remove(), kind === "error" ? 8000 : 6000);
}

// marked is text with what was searched for, or the code, in <mark>.
export function marked(text, what, cls = "hit") {
  const at = what ? text.toLowerCase().indexOf(what.toLowerCase()) : -1;
  if (at < 0) return [text];
  return [text.slice(0, at), h("mark", { class: cls }, text.slice(at, at + what.length)), text.slice(at + what.length)];
}
