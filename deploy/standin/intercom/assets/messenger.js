// The Messenger of the stand-in for Intercom: window.Intercom with the calls
// that sites use, a launcher and a panel. It talks to the server it came from.
(function () {
  'use strict';
  if (window.Intercom && window.Intercom.booted !== undefined) return;

  var script = document.currentScript;
  var source = new URL(script ? script.src : '/messenger.js', location.href);
  var base = source.origin;
  var fromScript = source.searchParams.get('app_id') || (source.pathname.match(/^\/widget\/([^/]+)$/) || [])[1];

  var UPDATES = 20, WINDOW = 30 * 60 * 1000;
  var RESERVED = { app_id: 1, api_base: 1, hide_default_launcher: 1 };

  var early = (window.Intercom && window.Intercom.q) || [];
  var appID = '', visitorID = '', hasEmail = false, spoken = false, opened = false, booted = false;
  var updates = [], held = []; // Times of calls; calls made before boot.
  var callbacks = { onShow: [], onHide: [], onUserEmailSupplied: [], onUnreadCountChange: [], ready: [] };
  var line = Promise.resolve(); // Requests leave one after the other, so that boot comes first.
  var ui = null;

  function uuid() {
    if (window.crypto.randomUUID) return window.crypto.randomUUID();
    var b = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(b, function (n) { return ('0' + n.toString(16)).slice(-2); }).join('');
  }

  // The visitor's own first-party cookie, kept for nine months as Intercom's.
  function cookieName() { return 'intercom-id-' + appID; }
  function readCookie(name) {
    var parts = document.cookie.split('; ');
    for (var i = 0; i < parts.length; i++) {
      if (parts[i].indexOf(name + '=') === 0) return decodeURIComponent(parts[i].slice(name.length + 1));
    }
    return '';
  }
  function writeCookie(name, value, seconds) {
    document.cookie = name + '=' + encodeURIComponent(value) + '; path=/; max-age=' + seconds + '; SameSite=Lax' +
      (location.protocol === 'https:' ? '; Secure' : '');
  }
  function dropCookies() {
    document.cookie.split('; ').forEach(function (pair) {
      var name = pair.split('=')[0];
      if (name.indexOf('intercom-') === 0) writeCookie(name, '', 0);
    });
  }

  function send(path, body) {
    body.app_id = appID;
    body.visitor_id = visitorID;
    body.page = location.href;
    body.referrer = document.referrer;
    var text = JSON.stringify(body);
    var run = function () {
      return fetch(base + '/messenger/' + path, { method: 'POST', body: text, keepalive: true, credentials: 'omit' })
        .then(function (answer) {
          return answer.json().then(function (said) {
            if (!answer.ok) throw new Error(said.error || 'The Messenger was not served.');
            hasEmail = said.has_email;
            return said;
          });
        });
    };
    var result = line.then(run, run);
    line = result.catch(function () {});
    return result;
  }

  function quiet(promise) {
    promise.catch(function (e) { console.warn('[intercom stand-in] ' + e.message); });
  }

  function call(name) {
    (callbacks[name] || []).slice().forEach(function (f) { f(); });
  }

  function ownSettings(settings) {
    var own = {};
    Object.keys(settings || {}).forEach(function (key) { if (!RESERVED[key]) own[key] = settings[key]; });
    return own;
  }

  function boot(settings) {
    settings = Object.assign({}, window.intercomSettings, settings);
    appID = settings.app_id || fromScript || '';
    if (!appID) { console.warn('[intercom stand-in] boot needs an app_id'); return; }
    visitorID = readCookie(cookieName()) || uuid();
    writeCookie(cookieName(), visitorID, 9 * 30 * 86400);
    writeCookie('intercom-session-' + appID, uuid(), 7 * 86400);
    booted = Intercom.booted = true;
    quiet(send('boot', { settings: ownSettings(settings) }));
    held.splice(0).forEach(update);
    if (!settings.hide_default_launcher) whenBody(render);
    whenBody(function () { call('ready'); callbacks.ready = []; });
  }

  function update(settings) {
    if (!booted) { held.push(settings); return; }
    var now = Date.now();
    updates = updates.filter(function (at) { return now - at < WINDOW; });
    if (updates.length >= UPDATES) {
      console.warn('[intercom stand-in] update is throttled: ' + UPDATES + ' calls in 30 minutes for each page load');
      return;
    }
    updates.push(now);
    quiet(send('update', { settings: ownSettings(settings) }));
  }

  function shutdown() {
    hide();
    dropCookies();
    if (ui) { ui.root.remove(); ui = null; }
    booted = Intercom.booted = false;
    visitorID = ''; hasEmail = false; spoken = false;
  }

  function whenBody(f) {
    if (document.body) f();
    else document.addEventListener('DOMContentLoaded', f, { once: true });
  }

  function show(text) {
    if (!booted) return;
    render();
    if (typeof text === 'string') ui.message.value = text;
    if (opened) return;
    opened = true;
    ui.panel.hidden = false;
    ui.launcher.setAttribute('aria-expanded', 'true');
    ui.message.focus();
    call('onShow');
  }

  function hide() {
    if (!opened || !ui) return;
    opened = false;
    ui.panel.hidden = true;
    ui.launcher.setAttribute('aria-expanded', 'false');
    ui.launcher.focus();
    call('onHide');
  }

  function make(tag, attributes, text) {
    var e = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) { e.setAttribute(name, attributes[name]); });
    if (text) e.textContent = text;
    return e;
  }

  function render() {
    if (ui) return;
    dress();
    var root = make('div', { id: 'intercom-container', 'class': 'intercom-messenger' });
    var panel = make('section', { id: 'intercom-panel', 'class': 'intercom-panel', 'aria-label': 'Chat with us' });
    var head = make('header', { 'class': 'intercom-head' });
    head.append(make('strong', {}, 'Chat with us'), make('span', {}, 'We usually reply within an hour'));
    var thread = make('div', { id: 'intercom-thread', 'class': 'intercom-thread', role: 'log' });
    thread.append(make('p', { 'class': 'intercom-said intercom-them' }, 'Hello! How can we help?'));
    var form = make('form', { id: 'intercom-form', 'class': 'intercom-form', novalidate: '' });
    var message = make('textarea', { id: 'intercom-message', rows: '3', placeholder: 'Write a message…', 'aria-label': 'Your message' });
    var email = make('input', { id: 'intercom-email', type: 'email', autocomplete: 'email', placeholder: 'you@example.com', 'aria-label': 'Your e-mail address' });
    var problem = make('p', { id: 'intercom-problem', 'class': 'intercom-problem', role: 'alert', hidden: '' });
    var button = make('button', { id: 'intercom-send', type: 'submit', 'class': 'intercom-send' }, 'Send');
    form.append(message, email, problem, button);
    panel.append(head, thread, form);
    panel.hidden = true;
    var launcher = make('button', {
      id: 'intercom-launcher', type: 'button', 'class': 'intercom-launcher', 'aria-label': 'Open chat',
      'aria-expanded': 'false', 'aria-controls': 'intercom-panel'
    });
    launcher.append(make('span', { 'aria-hidden': 'true' }));
    root.append(panel, launcher);
    document.body.append(root);
    ui = { root: root, panel: panel, thread: thread, message: message, email: email, problem: problem, button: button, launcher: launcher };
    email.hidden = hasEmail;

    launcher.addEventListener('click', function () { if (opened) hide(); else show(); });
    panel.addEventListener('keydown', function (e) { if (e.key === 'Escape') hide(); });
    form.addEventListener('submit', function (e) { e.preventDefault(); speak(); });
    message.addEventListener('keydown', function (e) {
      if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) { e.preventDefault(); speak(); }
    });
  }

  var unsent = null; // A message that was not acknowledged keeps its id when it is sent again.

  function speak() {
    var text = ui.message.value.trim(), email = ui.email.hidden ? '' : ui.email.value.trim();
    if (!text && !email || ui.button.disabled) return;
    if (!unsent || unsent.text !== text || unsent.email !== email) unsent = { id: uuid(), text: text, email: email };
    ui.button.disabled = true;
    ui.problem.hidden = true;
    send('message', Object.assign({}, unsent)).then(function (said) {
      unsent = null;
      heard(text, email, said);
    }, function (e) {
      ui.problem.textContent = e.message;
      ui.problem.hidden = false;
    }).then(function () { if (ui) ui.button.disabled = false; });
  }

  function heard(text, email, said) {
    spoken = true;
    if (text) ui.thread.append(make('p', { 'class': 'intercom-said intercom-me' }, text));
    ui.message.value = '';
    ui.email.value = '';
    ui.email.hidden = said.has_email;
    var thanks = document.getElementById('intercom-thanks');
    if (!thanks) thanks = make('p', { id: 'intercom-thanks', 'class': 'intercom-said intercom-them', role: 'status' });
    thanks.textContent = said.has_email
      ? 'Thanks! We will reply here and by e-mail.'
      : 'Thanks! Leave your e-mail address, so that we can reply when you are gone.';
    ui.thread.append(thanks);
    ui.thread.scrollTop = ui.thread.scrollHeight;
    (said.has_email ? ui.message : ui.email).focus();
    if (email) call('onUserEmailSupplied');
  }

  // A constructed style sheet needs no permission from the site's CSP.
  function dress() {
    if (!('adoptedStyleSheets' in document) || dress.done) return;
    dress.done = true;
    var sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    document.adoptedStyleSheets = document.adoptedStyleSheets.concat([sheet]);
  }

  var STYLE = [
    '.intercom-messenger{--i-card:#fff;--i-ink:#16191f;--i-soft:#5a6270;--i-line:#d5dae1;--i-them:#eef1f5;--i-accent:#1f5eff;--i-on:#fff;',
    'position:fixed;right:20px;bottom:20px;z-index:2147483000;font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--i-ink)}',
    '@media (prefers-color-scheme:dark){.intercom-messenger{--i-card:#191d25;--i-ink:#eef1f6;--i-soft:#a3adbb;--i-line:#3a4252;--i-them:#262c37;--i-accent:#7aa2ff;--i-on:#0b1020}}',
    '.intercom-messenger *{box-sizing:border-box;font:inherit}',
    '.intercom-messenger [hidden]{display:none!important}',
    '.intercom-launcher{display:grid;place-items:center;width:56px;height:56px;margin-left:auto;border:0;border-radius:50%;background:var(--i-accent);cursor:pointer;box-shadow:0 6px 24px rgb(0 0 0/.25)}',
    '.intercom-launcher span{width:24px;height:18px;border-radius:6px 6px 6px 0;background:var(--i-on)}',
    '.intercom-messenger button:focus-visible,.intercom-messenger textarea:focus-visible,.intercom-messenger input:focus-visible{outline:3px solid var(--i-accent);outline-offset:2px}',
    '.intercom-panel{width:min(360px,calc(100vw - 40px));max-height:min(600px,calc(100vh - 110px));margin-bottom:14px;display:flex;flex-direction:column;background:var(--i-card);border:1px solid var(--i-line);border-radius:16px;overflow:hidden;box-shadow:0 16px 48px rgb(0 0 0/.22)}',
    '.intercom-head{display:flex;flex-direction:column;padding:16px 18px;background:var(--i-accent);color:var(--i-on)}',
    '.intercom-head strong{font-weight:700;font-size:17px}',
    '.intercom-thread{flex:1;min-height:110px;overflow-y:auto;padding:16px;display:flex;flex-direction:column;gap:8px}',
    '.intercom-said{margin:0;padding:9px 13px;border-radius:14px;max-width:85%;overflow-wrap:anywhere;white-space:pre-wrap}',
    '.intercom-them{align-self:flex-start;background:var(--i-them)}',
    '.intercom-me{align-self:flex-end;background:var(--i-accent);color:var(--i-on)}',
    '.intercom-form{display:flex;flex-direction:column;gap:8px;padding:12px 16px 16px;border-top:1px solid var(--i-line)}',
    '.intercom-form textarea,.intercom-form input{width:100%;padding:9px 11px;border:1px solid var(--i-line);border-radius:10px;background:transparent;color:inherit;resize:none}',
    '.intercom-form ::placeholder{color:var(--i-soft);opacity:1}',
    '.intercom-problem{margin:0;color:#c2253b;font-size:14px}',
    '@media (prefers-color-scheme:dark){.intercom-problem{color:#ff8c9b}}',
    '.intercom-send{align-self:flex-end;padding:9px 18px;border:0;border-radius:10px;background:var(--i-accent);color:var(--i-on);font-weight:600;cursor:pointer}',
    '.intercom-send:disabled{opacity:.6;cursor:default}'
  ].join('');

  function on(name) {
    return function (f) {
      if (typeof f !== 'function') return;
      callbacks[name].push(f);
      if (name === 'onUnreadCountChange') f(0);
    };
  }

  var methods = {
    boot: boot,
    update: update,
    reattach_activator: function () {},
    show: function () { show(); },
    showMessages: function () { show(); },
    showNewMessage: show,
    hide: hide,
    shutdown: shutdown,
    onShow: on('onShow'),
    onHide: on('onHide'),
    onUserEmailSupplied: on('onUserEmailSupplied'),
    onUnreadCountChange: on('onUnreadCountChange'),
    getVisitorId: function () { return visitorID || undefined; },
    trackEvent: function () {},
    ready: function (f) {
      if (typeof f !== 'function') return;
      if (booted && document.body) f();
      else callbacks.ready.push(f);
    }
  };

  function Intercom(name) {
    var method = Object.prototype.hasOwnProperty.call(methods, name) && methods[name];
    if (!method) { console.warn('[intercom stand-in] unknown call: ' + name); return undefined; }
    return method.apply(null, Array.prototype.slice.call(arguments, 1));
  }
  Intercom.booted = false;
  window.Intercom = Intercom;

  var calls = Array.prototype.map.call(early, function (a) { return Array.prototype.slice.call(a); });
  var boots = calls.some(function (c) { return c[0] === 'boot'; });
  if (!boots && window.intercomSettings && (window.intercomSettings.app_id || fromScript)) boot();
  calls.forEach(function (c) { Intercom.apply(null, c); });
})();
