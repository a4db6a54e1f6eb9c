// The usual start of HubSpot's tracking code: the queue, and the script with the chat.
(function () {
  'use strict';
  var here = document.currentScript;
  window._hsq = window._hsq || [];
  var script = document.createElement('script');
  script.async = true;
  script.src = here.dataset.script + '?hub_id=' + encodeURIComponent(here.dataset.hubId);
  document.head.append(script);
})();
