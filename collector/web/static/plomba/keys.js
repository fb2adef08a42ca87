// Keyboard: / search, j and k move, Enter opens, a acknowledges, r resolves, c shows the configuration, e writes in it, s saves it, g then n, i, d, b goes to a page, ? shows all.
const go = {};
for (const link of document.querySelectorAll("[data-go]")) go[link.dataset.go] = link.href;
let chord = -Infinity;

const rows = () => [...document.querySelectorAll("[data-row]")];
const chosen = () => document.querySelector("[data-row].is-chosen");

function choose(row) {
  chosen()?.classList.remove("is-chosen");
  if (!row) return;
  row.classList.add("is-chosen");
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  const at = all.indexOf(chosen());
  choose(all[Math.max(0, Math.min(all.length - 1, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))]);
}

function press(name) {
  const within = chosen()?.querySelector(`[data-key="${name}"]`) ?? document.querySelector(`.page-body [data-key="${name}"]:not([data-row] *)`);
  if (!within) return false;
  if (within.matches("textarea, input, select")) within.focus(); else within.click();
  if (within.matches("summary")) within.parentElement.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  return true;
}

function help() {
  const dialog = document.getElementById("keys");
  if (dialog.open) dialog.close(); else dialog.showModal();
}

const keys = {
  "/": () => { const box = document.querySelector(".page-body [data-search]") ?? document.querySelector("[data-search]:not([hidden])"); box?.focus(); box?.select(); },
  "?": help,
  j: () => step(1),
  k: () => step(-1),
  a: () => press("a"),
  r: () => press("r"),
  c: () => press("c"),
  e: () => press("e"),
  s: () => press("s"),
  Backspace: () => press("Backspace"),
  Enter: () => chosen()?.querySelector("a[data-open]")?.click(),
  g: () => { chord = performance.now(); },
};

// The answers of a decision tree.
for (const digit of "123456789") keys[digit] = () => press(digit);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { document.activeElement?.blur?.(); for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false; return; }
  if (event.ctrlKey && event.key === "k") { event.preventDefault(); keys["/"](); return; }
  if (event.ctrlKey && event.key === "Enter") { event.target.form?.querySelector("[data-enter]")?.click(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, textarea, select")) return;
  if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
  const fresh = performance.now() - chord < 1500;
  chord = -Infinity;
  if (fresh && go[event.key]) { location.href = go[event.key]; return; }
  if (!keys[event.key]) { if (/^[a-z]$/.test(event.key) && press(event.key)) event.preventDefault(); return; }
  event.preventDefault();
  keys[event.key]();
});

// A swap paints new rows: the chosen one stays chosen.
let kept = null;
let unfolded = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  kept = chosen()?.dataset.row ?? null;
  unfolded = event.detail.requestConfig?.verb === "get" ? [...document.querySelectorAll("details.more[open][id]")].map((part) => part.id) : [];
});
document.addEventListener("htmx:afterSettle", () => {
  if (kept && !chosen()) choose(document.querySelector(`[data-row="${CSS.escape(kept)}"]`));
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (event.target.closest("[data-help]")) help();
  if (event.target.matches("dialog")) event.target.close();
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent.trim()).then(() => copy.classList.add("is-done"));
  const row = event.target.closest("tr[data-row]");
  if (row && !event.target.closest("a, button, form, input, label, select")) row.querySelector("a[data-open]")?.click();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
