// The script of the stand-in for HubSpot: the tracking code (_hsq, the cookie hubspotutk) and the chat widget
// (window.HubSpotConversations). It talks to the server it came from.
(function () {
  'use strict';
  if (window.HubSpotConversations) return;

  var script = document.currentScript;
  var source = new URL(script.src, location.href);
  var base = source.origin;
  var hubID = Number(source.searchParams.get('hub_id'));

  // The visitor's own first-party cookie, kept for six months as HubSpot's.
  function token() {
    var found = document.cookie.match(/(?:^|; )hubspotutk=([0-9a-f]{32})(?:;|$)/);
    if (found) return found[1];
    var b = window.crypto.getRandomValues(new Uint8Array(16));
    var made = Array.prototype.map.call(b, function (n) { return ('0' + n.toString(16)).slice(-2); }).join('');
    document.cookie = 'hubspotutk=' + made + '; path=/; max-age=15552000; SameSite=Lax';
    return made;
  }

  var utk = token(), identity = {}, listeners = {}, conversation = '', hasContact = false, ui = null, opened = false;
  var line = Promise.resolve(); // Requests leave one after the other.

  function send(path, body) {
    body.hub_id = hubID;
    body.hubspotutk = utk;
    body.page = location.href;
    var text = JSON.stringify(body);
    var run = function () {
      return fetch(base + '/widget/' + path, { method: 'POST', body: text, keepalive: true, credentials: 'omit' })
        .then(function (answer) {
          return answer.json().then(function (said) {
            if (!answer.ok) throw new Error(said.error || 'HubSpot was not served.');
            hasContact = said.has_contact;
            return said;
          });
        });
    };
    var result = line.then(run, run);
    line = result.catch(function () {});
    return result;
  }

  // Identities leave with the next page view only.
  function track() {
    send('track', { identity: identity }).catch(function (e) { console.warn('[hubspot stand-in] ' + e.message); });
  }

  var calls = {
    identify: function (said) {
      Object.keys(said || {}).forEach(function (name) { identity[name] = String(said[name]); });
    },
    trackPageView: track,
    setPath: function () {},
    trackEvent: track,
    trackCustomBehavioralEvent: track,
    doNotTrack: function () {},
    addPrivacyConsentListener: function () {},
    revokeCookieConsent: function () {}
  };

  function hear(entry) {
    if (!Array.isArray(entry) || !Object.prototype.hasOwnProperty.call(calls, entry[0])) return;
    calls[entry[0]].apply(null, entry.slice(1));
  }

  var early = Array.isArray(window._hsq) ? window._hsq.slice() : [];
  window._hsq = { push: function () { Array.prototype.forEach.call(arguments, hear); } };
  early.forEach(hear);
  track();

  function tell(name, payload) {
    (listeners[name] || []).slice().forEach(function (f) { f(payload); });
  }

  window.HubSpotConversations = {
    on: function (name, f) { (listeners[name] = listeners[name] || []).push(f); },
    off: function (name, f) { listeners[name] = (listeners[name] || []).filter(function (other) { return other !== f; }); },
    widget: {
      open: function () { show(); },
      close: function () { hide(); },
      load: function () { whenBody(render); },
      remove: function () { if (ui) { ui.root.remove(); ui = null; } },
      refresh: function () {},
      status: function () { return { loaded: Boolean(ui), pending: false }; }
    }
  };

  function whenBody(f) {
    if (document.body) f();
    else document.addEventListener('DOMContentLoaded', f);
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
    var root = make('div', { id: 'hubspot-messages', 'class': 'hs-chat' });
    var panel = make('section', { 'class': 'hs-panel', role: 'dialog', 'aria-label': 'Chat with Northwind Tea by HubSpot', hidden: '' });
    var thread = make('div', { 'class': 'hs-thread', 'aria-live': 'polite' });
    thread.append(make('p', { 'class': 'hs-said' }, 'Got a question about tea?'));
    var form = make('form', { 'class': 'hs-form' });
    var message = make('textarea', { id: 'hubspot-message', rows: '2', 'aria-label': 'Message', placeholder: 'Write a message' });
    var email = make('input', { id: 'hubspot-email', type: 'email', 'aria-label': 'E-mail address', placeholder: 'E-mail address', hidden: '' });
    var wrong = make('p', { 'class': 'hs-problem', role: 'alert', hidden: '' });
    var button = make('button', { id: 'hubspot-send', type: 'submit' }, 'Send');
    form.append(message, email, wrong, button);
    panel.append(make('strong', { 'class': 'hs-head' }, 'Northwind Tea'), thread, form);
    var launcher = make('button', { id: 'hubspot-launcher', type: 'button', 'aria-label': 'Open the HubSpot chat', 'aria-expanded': 'false' });
    launcher.append(make('span'));
    root.append(panel, launcher);
    document.body.append(root);
    ui = { root: root, panel: panel, thread: thread, message: message, email: email, wrong: wrong, button: button, launcher: launcher };
    launcher.addEventListener('click', function () { if (opened) hide(); else show(); });
    form.addEventListener('submit', function (e) { e.preventDefault(); speak(); });
    root.addEventListener('keydown', function (e) { if (e.key === 'Escape') hide(); });
  }

  function show() {
    whenBody(render);
    opened = true;
    ui.panel.hidden = false;
    ui.launcher.setAttribute('aria-expanded', 'true');
    ui.message.focus();
  }

  function hide() {
    if (!ui) return;
    opened = false;
    ui.panel.hidden = true;
    ui.launcher.setAttribute('aria-expanded', 'false');
  }

  function speak() {
    var text = ui.message.value.trim(), email = ui.email.value.trim();
    if (!text && !email) return;
    ui.button.disabled = true;
    ui.wrong.hidden = true;
    var id = Array.prototype.join.call(window.crypto.getRandomValues(new Uint32Array(4)), '-');
    send('message', { id: id, text: text, email: email }).then(function (said) {
      heard(text, email, said);
    }, function (e) {
      ui.wrong.textContent = e.message;
      ui.wrong.hidden = false;
    }).then(function () { ui.button.disabled = false; });
  }

  function heard(text, email, said) {
    if (text) ui.thread.append(make('p', { 'class': 'hs-said hs-me' }, text));
    ui.message.value = ui.email.value = '';
    ui.email.hidden = hasContact;
    var thanks = document.getElementById('hubspot-thanks');
    if (!thanks) thanks = make('p', { id: 'hubspot-thanks', 'class': 'hs-said', role: 'status' });
    thanks.textContent = hasContact ? 'Thanks! We will reply here and by e-mail.' : 'Thanks! Leave your e-mail address, so that we can reply.';
    ui.thread.append(thanks);
    ui.thread.scrollTop = ui.thread.scrollHeight;
    if (said.conversation_id && said.conversation_id !== conversation) {
      conversation = said.conversation_id;
      tell('conversationStarted', { conversation: { conversationId: Number(conversation) } });
    }
    if (email) tell('contactAssociated', { message: 'visitor has been associated with a contact' });
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
    '.hs-chat{--h-card:#fff;--h-ink:#21262e;--h-soft:#5a6270;--h-line:#d5dae1;--h-them:#eef1f5;--h-accent:#b3361b;--h-on:#fff;',
    'position:fixed;left:20px;bottom:20px;z-index:2147483000;font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--h-ink)}',
    '@media (prefers-color-scheme:dark){.hs-chat{--h-card:#191d25;--h-ink:#eef1f6;--h-soft:#a3adbb;--h-line:#3a4252;--h-them:#262c37;--h-accent:#ff9d85;--h-on:#21100b}}',
    '.hs-chat *{box-sizing:border-box;font:inherit}.hs-chat [hidden]{display:none!important}',
    '#hubspot-launcher{display:grid;place-items:center;width:56px;height:56px;border:0;border-radius:50%;background:var(--h-accent);cursor:pointer;box-shadow:0 6px 24px rgb(0 0 0/.25)}',
    '#hubspot-launcher span{width:22px;height:22px;border:5px solid var(--h-on);border-radius:50%}',
    '.hs-chat button:focus-visible,.hs-chat textarea:focus-visible,.hs-chat input:focus-visible{outline:3px solid var(--h-accent);outline-offset:2px}',
    '.hs-panel{width:min(340px,calc(100vw - 40px));max-height:min(560px,calc(100vh - 110px));margin-bottom:14px;display:flex;flex-direction:column;background:var(--h-card);border:1px solid var(--h-line);border-radius:12px;overflow:hidden;box-shadow:0 16px 48px rgb(0 0 0/.22)}',
    '.hs-chat .hs-head{padding:14px 18px;background:var(--h-accent);color:var(--h-on);font-weight:700}',
    '.hs-thread{flex:1;min-height:100px;overflow-y:auto;padding:16px;display:flex;flex-direction:column;gap:8px}',
    '.hs-said{margin:0;padding:9px 13px;border-radius:12px;max-width:85%;overflow-wrap:anywhere;white-space:pre-wrap;align-self:flex-start;background:var(--h-them)}',
    '.hs-me{align-self:flex-end;background:var(--h-accent);color:var(--h-on)}',
    '.hs-form{display:flex;flex-direction:column;gap:8px;padding:12px 16px 16px;border-top:1px solid var(--h-line)}',
    '.hs-form textarea,.hs-form input{width:100%;padding:9px 11px;border:1px solid var(--h-line);border-radius:8px;background:transparent;color:inherit;resize:none}',
    '.hs-form ::placeholder{color:var(--h-soft);opacity:1}',
    '.hs-problem{margin:0;color:#c2253b;font-size:14px}',
    '@media (prefers-color-scheme:dark){.hs-problem{color:#ff8c9b}}',
    '#hubspot-send{align-self:flex-end;padding:9px 18px;border:0;border-radius:8px;background:var(--h-accent);color:var(--h-on);font-weight:600;cursor:pointer}',
    '#hubspot-send:disabled{opacity:.6;cursor:default}'
  ].join('');

  var ready = window.hsConversationsOnReady;
  var settings = window.hsConversationsSettings || {};
  if (settings.loadImmediately !== false) whenBody(render);
  if (Array.isArray(ready)) ready.forEach(function (f) { f(); });
})();
