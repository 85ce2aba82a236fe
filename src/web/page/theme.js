// Puts the remembered theme on the page before anything is painted. The switch is in settings.js.
try {
  const theme = localStorage.getItem("dbferry.theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {
  // A browser that keeps nothing follows the system's theme.
}
