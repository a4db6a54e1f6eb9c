// What the site itself does: custom events, the chat button, the consent banner.
(function () {
  'use strict';
  function track(name, properties) {
    if (window.sourceloop && window.sourceloop.track) window.sourceloop.track(name, properties);
  }
  document.addEventListener('click', function (e) {
    var marked = e.target.closest('[data-track]');
    if (marked) track(marked.dataset.track, { place: marked.dataset.trackPlace || '', name: marked.dataset.trackName || '' });
  });
  var chat = document.getElementById('open-chat');
  if (chat) chat.addEventListener('click', function () { if (window.Intercom) window.Intercom('show'); });

  var banner = document.getElementById('consent');
  if (!banner) return;
  banner.hidden = localStorage.getItem('northwind-consent') !== null;
  banner.addEventListener('click', function (e) {
    var answer = e.target.dataset.consentAnswer;
    if (!answer) return;
    localStorage.setItem('northwind-consent', answer);
    banner.hidden = true;
    if (window.sourceloop && window.sourceloop.consent) window.sourceloop.consent(answer);
  });
})();
