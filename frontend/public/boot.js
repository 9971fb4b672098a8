// Runs before the first paint, so that a reader with a dark theme never sees a white flash.
// It is a file of its own because the content security policy allows no inline script.
(function () {
  var stored = null;
  try {
    stored = window.localStorage.getItem('headgate-color-scheme');
  } catch {
    // Storage can be switched off in the browser; the system's own setting is used then.
  }
  var scheme =
    stored === 'light' || stored === 'dark'
      ? stored
      : window.matchMedia('(prefers-color-scheme: dark)').matches
        ? 'dark'
        : 'light';
  document.documentElement.setAttribute('data-mantine-color-scheme', scheme);
})();
