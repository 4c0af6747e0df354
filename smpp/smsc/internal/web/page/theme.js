// Runs before the page is drawn: the theme chosen earlier, if one was. Without it the system's applies.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch { /* storage is off: the system's theme applies */ }
})();
