// Signs jobs with the operator's own key. The key lives in this browser (IndexedDB) and cannot be read out of it; what
// goes to the collector is the job's text and its signature.
const SIGNED_FOR = "plomba job 1\0";
const card = document.getElementById("my-key");
const form = document.getElementById("job-form");
const said = document.getElementById("job-said");
const names = card ? JSON.parse(card.dataset.names) : {};

const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function tell(text) {
  said.hidden = !text;
  said.lastElementChild.textContent = text ?? "";
}

// --- the key -------------------------------------------------------------------------------------------------------
function store(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("plomba-operator", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("keys", mode);
      const asked = act(transaction.objectStore("keys"));
      transaction.oncomplete = () => { opening.result.close(); resolve(asked.result); };
      transaction.onerror = () => reject(transaction.error);
    };
  });
}
const readKey = () => store("readonly", (keys) => keys.get("mine"));
const keepKey = (key) => store("readwrite", (keys) => keys.put(key, "mine"));
const forgetKey = () => store("readwrite", (keys) => keys.delete("mine"));

async function makeKey() {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  return { sign: pair.privateKey, public: base64url(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

// A file of `plomba-collector job key`: PKCS#8 in PEM, not locked. It is readable for a moment, to find the public half.
async function openKey(pem) {
  const inside = pem.match(/-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/);
  if (!inside) throw new TypeError("no key");
  const raw = Uint8Array.from(atob(inside[1].replaceAll(/\s/g, "")), (letter) => letter.charCodeAt(0));
  const open = await crypto.subtle.importKey("pkcs8", raw, { name: "Ed25519" }, true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", open);
  return { sign: await crypto.subtle.importKey("pkcs8", raw, { name: "Ed25519" }, false, ["sign"]), public: x };
}

async function showKey() {
  const key = await readKey();
  for (const part of card.querySelectorAll("[data-has]")) part.hidden = (part.dataset.has === "yes") !== Boolean(key);
  document.getElementById("key-public").textContent = key?.public ?? "";
  document.getElementById("key-name").textContent = key ? names[key.public] ?? card.dataset.unlisted : "";
}

// --- the job -------------------------------------------------------------------------------------------------------
// The one text of a document: keys in order, no spaces. The tills compare it letter by letter.
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

const moment = (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function jobText() {
  const chosen = form.elements.type.selectedOptions[0];
  const parameters = { type: chosen.value };
  for (const field of form.querySelectorAll(`fieldset[data-type="${chosen.value}"] [data-parameter]`)) {
    parameters[field.dataset.parameter] = "number" in field.dataset ? Number(field.value) : field.value;
  }
  const now = Date.now();
  const lasts = Math.min(Number(form.elements.lasts.value), Number(chosen.dataset.lasts));
  return canonical({
    version: 1,
    id: crypto.randomUUID(),
    target: form.dataset.terminal,
    nonce: base64url(crypto.getRandomValues(new Uint8Array(16))),
    not_before: moment(now),
    expires: moment(Math.floor(now / 1000) * 1000 + lasts * 1000),
    dry_run: form.elements.dry_run.checked,
    parameters,
  });
}

async function signed(text) {
  const key = await readKey();
  if (!key) { tell(card.dataset.nokey); card.scrollIntoView({ block: "nearest" }); return null; }
  const signature = await crypto.subtle.sign({ name: "Ed25519" }, key.sign, new TextEncoder().encode(SIGNED_FOR + text));
  return { operator: key.public, signature: base64url(signature) };
}

async function handIn(address, body) {
  let answer;
  try {
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    answer = await fetch(address, { method: "POST", body, headers: { "Content-Type": "application/json", "X-CSRFToken": token } });
  } catch {
    tell(card.dataset.failed);
    return false;
  }
  if (answer.ok) { tell(""); htmx.trigger("#jobs", "plomba:now"); return true; }
  const told = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
  tell(told.text ?? card.dataset.failed);
  return false;
}

function offer() {
  const chosen = form.elements.type.selectedOptions[0];
  for (const part of form.querySelectorAll("fieldset[data-type]")) part.hidden = part.disabled = part.dataset.type !== chosen.value;
  for (const option of form.elements.lasts.options) option.disabled = Number(option.value) > Math.max(600, Number(chosen.dataset.lasts));
  if (form.elements.lasts.selectedOptions[0]?.disabled !== false) form.elements.lasts.value = "600";
  form.elements.dry_run.disabled = chosen.dataset.dry === "0";
  if (form.elements.dry_run.disabled) form.elements.dry_run.checked = false;
  const pack = form.querySelector("select[data-parameter=sha256]");
  if (pack) form.querySelector("[data-parameter=version]").value = pack.selectedOptions[0].dataset.version;
  for (const hint of form.querySelectorAll("[data-hint]")) {
    hint.hidden = hint.dataset.hint === "signatures" ? Number(chosen.dataset.signatures) < 2 : hint.dataset.hint !== chosen.dataset.needs;
  }
}

if (form) {
  form.addEventListener("change", offer);
  offer();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = jobText();
    const one = await signed(text);
    if (one) await handIn(form.dataset.keep, JSON.stringify({ text, signatures: [one] }));
  });
  document.getElementById("job-file").addEventListener("change", async ({ target }) => {
    if (target.files[0]) await handIn(form.dataset.keep, await target.files[0].text());
    target.value = "";
  });
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-sign]");
    if (!button) return;
    const one = await signed(button.dataset.text);
    if (one) await handIn(button.dataset.sign, JSON.stringify(one));
  });
  document.getElementById("key-make").addEventListener("click", async () => {
    try { await keepKey(await makeKey()); tell(""); } catch { tell(card.dataset.unsupported); }
    await showKey();
  });
  document.getElementById("key-file").addEventListener("change", async ({ target }) => {
    try { await keepKey(await openKey(await target.files[0].text())); tell(""); } catch { tell(card.dataset.badfile); }
    target.value = "";
    await showKey();
  });
  document.getElementById("key-forget").addEventListener("click", async () => { await forgetKey(); await showKey(); });
  await showKey();
  form.dataset.ready = "yes";
}
