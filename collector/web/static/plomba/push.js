// Lets this browser show messages: asks the person, has the browser make an address, and hands that to the collector.
const card = document.getElementById("this-browser");

function raw(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat(-text.length & 3));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function say(text) {
  const line = card.querySelector("[data-said]");
  line.hidden = !text;
  line.textContent = text ?? "";
}

function name() {
  const maker = navigator.userAgentData?.brands?.at(-1)?.brand ?? (navigator.userAgent.includes("Firefox") ? "Firefox" : card.dataset.label);
  return [maker, navigator.userAgentData?.platform ?? navigator.platform].filter(Boolean).join(", ");
}

async function registered() {
  const registration = await navigator.serviceWorker.register(card.dataset.worker);
  while (!registration.active) {
    const coming = registration.installing ?? registration.waiting;
    if (!coming) break;
    await new Promise((resolve) => coming.addEventListener("statechange", resolve, { once: true }));
  }
  return registration;
}

async function hand(subscription) {
  const body = { endpoint: subscription.endpoint, p256dh: base64url(subscription.getKey("p256dh")), auth: base64url(subscription.getKey("auth")), label: name() };
  const token = JSON.parse(document.body.getAttribute("hx-headers"));
  const answer = await fetch(card.dataset.to, { method: "POST", headers: { "Content-Type": "application/json", ...token }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(answer.status === 422 ? (await answer.json()).problem : "");
}

async function switchOn() {
  say("");
  if (await Notification.requestPermission() !== "granted") return say(card.dataset.denied);
  try {
    const registration = await registered();
    const old = await registration.pushManager.getSubscription();
    const key = raw(card.dataset.key);
    if (old && base64url(old.options.applicationServerKey) !== card.dataset.key) await old.unsubscribe();
    await hand(await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    location.reload();
  } catch (problem) {
    say(problem instanceof Error && problem.message && problem.name === "Error" ? problem.message : card.dataset.failed);
  }
}

async function show() {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return;
  card.hidden = false;
  card.querySelector("[data-on]").addEventListener("click", switchOn);
  const registration = await navigator.serviceWorker.getRegistration(card.dataset.worker);
  const subscription = await registration?.pushManager.getSubscription();
  if (subscription && Notification.permission === "granted") card.querySelector("[data-is-on]").hidden = false;
}
if (card) show();
