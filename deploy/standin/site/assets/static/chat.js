// The usual start of the Messenger: a stub that queues calls, the script, boot.
(function () {
  'use strict';
  var here = document.currentScript;
  if (typeof window.Intercom !== 'function') {
    var stub = function () { stub.c(arguments); };
    stub.q = [];
    stub.c = function (args) { stub.q.push(args); };
    window.Intercom = stub;
  }
  window.Intercom('boot', { app_id: here.dataset.appId });
  var script = document.createElement('script');
  script.async = true;
  script.src = here.dataset.messenger + '?app_id=' + encodeURIComponent(here.dataset.appId);
  document.head.append(script);
})();
