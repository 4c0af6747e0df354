// The console shows what GET live sends, and does what an operator orders. Cards are updated in place, so that focus stays.
import { $, list, span } from './kit.js';
import * as card from './cards.js';
import * as funnel from './funnel.js';
import * as operate from './operate.js';
import * as way from './way.js';

function show(v) {
  const now = Date.parse(v.now), degraded = v.routes.some((r) => r.degraded);
  const state = v.ready ? degraded ? ['warn', 'degraded'] : ['good', 'ready'] : ['bad', 'not ready'];
  $('state').className = state[0];
  if ($('state').lastChild.textContent !== state[1]) $('state').lastChild.textContent = state[1];
  document.title = `otpgw: ${state[1]}`;
  $('version').textContent = v.version;
  $('line').textContent = `up ${span(v.uptime)}${v.store === 'ok' ? '' : `; the store: ${v.store}`}`;
  list($('links'), v.links, (l) => l.link, card.linkCard, (c, l) => card.fillLink(c, l, now));
  list($('routes'), v.routes, (r) => r.route, card.routeCard, card.fillRoute);
  list($('apps'), v.apps, (a) => a.app, card.appCard, card.fillApp);
  list($('calls'), [v.callbacks], () => 'all', card.callCard, card.fillCalls);
  $('urls-part').hidden = !v.disabled.length;
  list($('urls'), v.disabled, (u) => u.id, card.urlCard, (c, u) => card.fillURL(c, u, now));
  operate.show(v, now);
  const fill = (s) => s.max ? s.bytes / s.max : 0;
  list($('store'), v.streams.filter((s) => s.bytes).sort((a, b) => fill(b) - fill(a)).slice(0, 8), (s) => s.name, card.storeRow, card.fillStore);
  $('lag').textContent = v.lag.entries ? `This daemon is ${v.lag.entries} messages and ${span(v.lag.seconds)} behind the log.` : 'This daemon has applied all of the log.';
}

funnel.start();
way.start();
operate.start();
const source = new EventSource('live');
source.addEventListener('state', (e) => show(JSON.parse(e.data)));
source.addEventListener('funnel', (e) => funnel.take(JSON.parse(e.data)));
source.onerror = () => { $('state').className = 'bad'; $('state').lastChild.textContent = 'the gateway does not answer; trying again'; };
