// A visit on a telephone: a photograph is made small and sent at once, a signature is drawn, and what is written stays in this browser until it is sent.
const LONGEST = 1600;

async function small(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.85); });
}

// As the form itself would, so that a refusal is a page as always.
function send(form, blob, name) {
  const files = new DataTransfer();
  files.items.add(new File([blob], name, { type: blob.type }));
  form.querySelector("input[type=file]").files = files.files;
  form.submit();
}

const photo = document.getElementById("photo");
photo?.addEventListener("change", async () => {
  const [file] = photo.files;
  if (!file) return;
  try { send(photo.form, await small(file), "photo.jpg"); } catch { photo.form.submit(); }
});

const pad = document.getElementById("pad");
if (pad) {
  const pen = pad.getContext("2d");
  const keep = document.getElementById("pad-keep");
  const at = (event) => {
    const box = pad.getBoundingClientRect();
    return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
  };
  const clear = () => { pen.fillStyle = "#fff"; pen.fillRect(0, 0, pad.width, pad.height); keep.disabled = true; };
  clear();
  let drawing = false;
  pad.addEventListener("pointerdown", (event) => {
    drawing = true;
    pad.setPointerCapture(event.pointerId);
    pen.lineWidth = 3;
    pen.lineCap = "round";
    pen.strokeStyle = "#102a43";
    pen.beginPath();
    pen.moveTo(...at(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    pen.lineTo(...at(event));
    pen.stroke();
    keep.disabled = false;
  });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { drawing = false; });
  document.getElementById("pad-clear").addEventListener("click", clear);
  const form = document.getElementById("sign-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    pad.toBlob((blob) => { send(form, blob, "signature.png"); }, "image/png");
  });
}

// What is half written survives a reload, a photograph taken in between, and a dead battery.
const visit = document.getElementById("visit");
const key = `plomba-visit-${visit.dataset.visit}`;
const draft = document.getElementById("finish-form");
if (draft) {
  const fields = [...draft.querySelectorAll("input:not([type=hidden]), textarea")];
  const kept = JSON.parse(localStorage.getItem(key) ?? "[]");
  fields.forEach((field, n) => { if (kept[n] && field.value === field.defaultValue) field.value = kept[n]; });
  draft.addEventListener("input", () => { localStorage.setItem(key, JSON.stringify(fields.map((field) => field.value))); });
} else {
  localStorage.removeItem(key);
}
