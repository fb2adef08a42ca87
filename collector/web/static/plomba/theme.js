// Sets light or dark before the first paint. The choice is remembered on this device; without one the system decides.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("plomba-theme"); } catch { return null; } };
  const apply = () => { root.dataset.bsTheme = stored() ?? (system.matches ? "dark" : "light"); };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    try { localStorage.setItem("plomba-theme", root.dataset.bsTheme === "dark" ? "light" : "dark"); } catch { /* private mode: for this page only */ }
    root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    document.dispatchEvent(new CustomEvent("plomba:theme"));
  });
})();
