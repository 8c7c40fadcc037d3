// Connects behaviours to the elements that ask for them, and fetches each only where it is needed.
// data-behavior="a b": connected when the element appears.
// data-action="a": fetched at the first press; a link or a submitting button does nothing else then.

import * as shortcuts from "./shortcuts.js";

const behaviors = {
  composer: () => import("./composer.js"),
  draft: () => import("./draft.js"),
  "send-again": () => import("./send-again.js"),
  "follow-end": () => import("./follow-end.js"),
  socket: () => import("./socket.js"),
  connection: () => import("./connection.js"),
  more: () => import("./more.js"),
  unsaved: () => import("./unsaved.js"),
  waiting: () => import("./waiting.js"),
  edit: () => import("./edit.js"),
  feedback: () => import("./feedback.js"),
  answer: () => import("./answer.js"),
  chart: () => import("./chart.js"),
};

const actions = {
  copy: () => import("./copy.js"),
  fill: () => import("./fill.js"),
  palette: () => import("./palette.js"),
  quote: () => import("./quote.js"),
  sheet: () => import("./sheet.js"),
  sidebar: () => import("./sidebar.js"),
  rename: () => import("./rename.js"),
  theme: () => import("./theme.js"),
};

const connected = new WeakMap();

function connectAll(root) {
  for (const element of [root, ...root.querySelectorAll("[data-behavior]")]) {
    if (!element.dataset.behavior) continue;
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

// Pictures: chosen, pasted, or dropped anywhere on the page.
async function receive(event, given) {
  const form = document.getElementById("composer");
  const files = [...(given?.files ?? [])];
  if (!files.length || !form?.querySelector(".attached")) return;
  event.preventDefault();
  if (given === event.target) given.value = "";
  // What is sent before their script is here waits for them.
  let isSent = false;
  const hold = (submit) => {
    isSent = true;
    submit.preventDefault();
    submit.stopImmediatePropagation();
  };
  form.addEventListener("submit", hold, { capture: true });
  const module = await import("./pictures.js").catch(() => undefined);
  form.removeEventListener("submit", hold, { capture: true });
  if (!module) {
    const notice = document.getElementById("composer-notice");
    return notice.replaceChildren(Object.assign(document.createElement("p"), { textContent: notice.dataset.down }));
  }
  module.receive(form, files);
  if (isSent) form.requestSubmit();
}
document.addEventListener("paste", (event) => {
  const { types } = event.clipboardData;
  // Words from an office program come with a picture of them.
  const areWords = types.includes("text/plain") && types.includes("text/html");
  if (!areWords && !event.target.closest?.(".edit")) receive(event, event.clipboardData);
});
document.addEventListener("drop", (event) => receive(event, event.dataTransfer));
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  document.getElementById("composer")?.setAttribute("data-dropping", "");
});
// Out of the page, or over it for good.
const dropped = (event) => event.relatedTarget || document.getElementById("composer")?.removeAttribute("data-dropping");
for (const end of ["dragleave", "drop"]) document.addEventListener(end, dropped);
document.addEventListener("change", async (event) => {
  const { name, form } = event.target;
  if (name === "pictures") receive(event, event.target);
  // Whether it can see what lies there.
  else if (name === "model" && form.querySelector(".attached__item")) (await import("./pictures.js")).look(form);
});

// A passage that is selected can be quoted.
document.addEventListener("selectionchange", async () => {
  const button = document.getElementById("quote");
  if (button && !getSelection().isCollapsed) (await import("./quote.js")).look(button);
});

// What the settings need comes when they are opened.
document.addEventListener("toggle", async ({ target, newState }) => {
  if (target.matches?.(".panel--beside") && newState === "open") (await import("./panel.js")).open(target);
}, { capture: true });

// Keys are known from the start.
shortcuts.connect();

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

// What nothing of this visit waits for comes last, once the page can be used.
function finish() {
  // The server writes times; which ones are right here the browser alone knows, until a profile says. To ask
  // it takes a telephone a tenth of a second.
  document.cookie = `zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;
  // Stands in for pages that cannot be had; without it all goes on, but for that.
  const { worker } = document.documentElement.dataset;
  if (worker) navigator.serviceWorker?.register(worker).catch(() => {});
}
const whenCalm = () => (window.requestIdleCallback ?? setTimeout)(finish);
if (document.readyState === "complete") whenCalm();
else addEventListener("load", whenCalm);
