// The live link: shows whether it stands, refreshes what was missed, and holds changes back while a hand is on the rows.
const QUIET_MS = 3000;
const SILENT_MS = 45000;
const RETRY_MS = 2000;
const root = document.documentElement;
const held = new Set();
const asking = new Set();
const stale = new Set();
let lastMove = { region: null, at: -Infinity };
let watchdog;

function mark(state) {
  const was = root.dataset.live;
  root.dataset.live = state;
  clearTimeout(watchdog);
  if (state === "on") {
    watchdog = setTimeout(() => mark("off"), SILENT_MS);
    if (was === "off") htmx.trigger(document.body, "plomba:refresh");
  }
}

// Half-written text is never painted over.
function written(region) {
  return [...region.querySelectorAll("input:not([type=hidden], [type=radio], [type=checkbox]), textarea")].some((field) => field.value !== field.defaultValue);
}

function writing(region) {
  return written(region) || (region.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
}

function busy(region) {
  if (writing(region)) return true;
  return lastMove.region === region && region.matches(":hover") && performance.now() - lastMove.at < QUIET_MS;
}

function release(region) {
  if (!held.delete(region)) return;
  root.classList.toggle("is-paused", held.size > 0);
  if (region.isConnected) htmx.trigger(region, "plomba:now");
}

function hold(region) {
  held.add(region);
  root.classList.add("is-paused");
  const later = () => { if (busy(region)) setTimeout(later, 500); else release(region); };
  setTimeout(later, 500);
}

document.addEventListener("mousemove", (event) => {
  const region = event.target.closest?.("[data-live-region]");
  lastMove = { region, at: performance.now() };
}, { passive: true });

document.addEventListener("htmx:beforeRequest", (event) => {
  const region = event.target;
  if (!region.matches?.("[data-live-region]")) return;
  const cause = event.detail.requestConfig?.triggeringEvent?.type ?? "";
  if (cause === "plomba:now" || !busy(region)) { asking.add(region.id); return; }
  event.preventDefault();
  hold(region);
});

// Somebody may have begun to write while the answer was on its way.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target: region, requestConfig } = event.detail;
  if (requestConfig?.elt !== region || !region.matches("[data-live-region]") || !writing(region)) return;
  event.detail.shouldSwap = false;
  stale.delete(region.id);
  hold(region);
});

// htmx keeps what comes while an answer is on its way for the element that the answer replaces: it would be lost with
// it. So the region that took its place asks once more.
document.addEventListener("htmx:trigger", (event) => {
  if (event.target.matches?.("[data-live-region]") && asking.has(event.target.id)) stale.add(event.target.id);
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  asking.delete(detail.elt.id);
  if (!detail.successful) stale.delete(detail.elt.id);
});
document.addEventListener("htmx:afterSettle", ({ target: region }) => {
  if (!stale.delete(region.id)) return;
  if (busy(region)) hold(region); else htmx.trigger(region, "plomba:now");
});

document.addEventListener("htmx:sseOpen", () => mark("on"));
document.addEventListener("htmx:sseMessage", () => mark("on"));
document.addEventListener("htmx:sseError", () => mark("off"));
document.addEventListener("htmx:sseClose", () => mark("off"));
addEventListener("offline", () => mark("off"));
addEventListener("online", () => htmx.trigger(document.body, "plomba:refresh"));
// A fragment that did not come is asked for again until it does.
document.addEventListener("htmx:sendError", (event) => {
  const region = event.target;
  if (!region.matches?.("[data-live-region]")) return;
  mark("off");
  setTimeout(() => { if (region.isConnected) htmx.trigger(region, "plomba:now"); }, RETRY_MS);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.matches?.("[data-live-region]")) mark("on");
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-release]")) for (const region of [...held]) if (!written(region)) release(region);
});
// A session that ended answers with the sign-in page: go there instead of painting it into a fragment.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
  if (event.detail.xhr.status === 422) event.detail.shouldSwap = true;
});
