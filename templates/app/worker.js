{% autoescape off %}// Stands between the browser and the line, for one thing: a page that cannot be had is replaced by one
// in which writing goes on. It keeps nothing else, and nothing that belongs to a person.
const CACHE = "evoweb-{{ version }}";
const PAGE = "{{ offline }}";
const FILES = [{% for file in files %}"{{ file }}"{% if not forloop.last %}, {% endif %}{% endfor %}];

self.addEventListener("install", (event) => {
  const fetched = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll([PAGE, ...FILES].map((address) => new Request(address, { credentials: "same-origin" })));
    // Another version waits until no page is open: one that takes over while a page is on its way can
    // leave the browser waiting for that page for ever.
  };
  event.waitUntil(fetched());
});

self.addEventListener("activate", (event) => {
  const cleared = async () => {
    for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
    // The page is asked for while this script is being woken up.
    await self.registration.navigationPreload?.enable();
    await self.clients.claim();
  };
  event.waitUntil(cleared());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.method === "GET") event.respondWith(page(event));
  // Their names are those of their content: what is kept under one is right.
  else if (FILES.includes(new URL(request.url).pathname)) event.respondWith(file(request));
});

async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(PAGE)) ?? Response.error();
  }
}

async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}
{% endautoescape %}
