// Shows a message that came while no page was open, and opens the page that it is about. One message has one tag, so that
// the same one that comes twice is shown once.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

function read(event) {
  try {
    return event.data.json();
  } catch {
    return { key: "unreadable", title: "Plomba", text: "", url: "/" };
  }
}

self.addEventListener("push", (event) => {
  const told = read(event);
  const icon = new URL("icon.svg", self.location).href;
  event.waitUntil(self.registration.showNotification(told.title, { body: told.text, tag: told.key, lang: told.lang, icon, data: { url: told.url } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url ?? "/", self.location.origin);
  if (url.origin !== self.location.origin) return;
  event.waitUntil((async () => {
    const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const same = open.find((client) => client.url === url.href);
    await (same ? same.focus() : self.clients.openWindow(url.href));
  })());
});
