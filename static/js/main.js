// Connects behaviours to the elements that ask for them, and fetches each only where it is needed.
// data-behavior="a b": connected when the element appears. data-needs: only if this is inside it.
// data-action="a": fetched at the first press; a link or a submitting button does nothing else then.

const behaviors = {
  composer: () => import("./composer.js"),
  draft: () => import("./draft.js"),
  "send-again": () => import("./send-again.js"),
  "follow-end": () => import("./follow-end.js"),
  socket: () => import("./socket.js"),
  connection: () => import("./connection.js"),
  panel: () => import("./panel.js"),
  waiting: () => import("./waiting.js"),
  edit: () => import("./edit.js"),
  "copy-code": () => import("./copy-code.js"),
  chart: () => import("./chart.js"),
};

const actions = {
  copy: () => import("./copy.js"),
  fill: () => import("./fill.js"),
  sidebar: () => import("./sidebar.js"),
  theme: () => import("./theme.js"),
};

const connected = new WeakMap();

function connectAll(root) {
  for (const element of [root, ...root.querySelectorAll("[data-behavior]")]) {
    if (!element.dataset.behavior) continue;
    if (element.dataset.needs && !element.querySelector(element.dataset.needs)) continue;
    for (const name of element.dataset.behavior.split(" ")) connect(element, name);
  }
}

async function connect(element, name) {
  const names = connected.get(element) ?? new Set();
  if (names.has(name)) return;
  connected.set(element, names.add(name));
  const module = await behaviors[name]();
  if (element.isConnected) module.connect(element);
}

document.addEventListener("click", async (event) => {
  const element = event.target.closest?.("[data-action]");
  if (!element || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (element.type !== "button") event.preventDefault();
  const module = await actions[element.dataset.action]();
  module.act(element);
});

// A menu of models closes by a click beside it, and by Escape.
function closeMenus(event) {
  if (event.type === "keydown" && event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".again[open]")) {
    if (event.type === "click" && menu.contains(event.target)) continue;
    if (menu.contains(document.activeElement)) menu.firstElementChild.focus();
    menu.open = false;
  }
}
for (const deed of ["click", "keydown"]) document.addEventListener(deed, closeMenus);

// The server's last words on a socket: signed out, or the conversation is gone. The page itself knows
// what to show then, but not at once: whoever deletes or signs out here is on the way to another already.
// Said here and not where the connection is shown, since they may come before that is fetched.
const OVER = [4401, 4404];
const reloadSoon = () => setTimeout(() => location.reload(), 1500);
document.addEventListener("htmx:ws:close", (event) => OVER.includes(event.detail.code) && reloadSoon());
document.addEventListener("line:over", reloadSoon);

// What htmx puts into the page is processed by it, and then connected here.
document.addEventListener("htmx:after:process", (event) => connectAll(event.target));
document.addEventListener("visibilitychange", async () => {
  (await import("./attention.js")).connect(document.getElementById("status"));
}, { once: true });

// Whoever has signed in again in another tab has got another token: forms go with that of the cookie.
function renewToken() {
  const [, token] = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/) ?? [];
  if (!token) return;
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
}
for (const deed of ["click", "submit"]) document.addEventListener(deed, renewToken, { capture: true });

// A page that comes back from the browser's memory holds an old socket and a used send key.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

connectAll(document.documentElement);
document.querySelector(".conversations [aria-current]")?.scrollIntoView({ block: "nearest" });

// The server writes times; which ones are right here the browser alone knows, until a profile says.
document.cookie = `zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;
