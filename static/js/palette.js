// Finds a chat, or does what a button of this page does, by a few keys. The server gives the dialog when
// it is opened for the first time, and the chats whose titles hold what is typed; actions are sifted here.
const PAUSE = 120;

let dialog;
let wanted = 0;

// `typed` gives what was typed for it before it was there.
export async function act(_, typed = () => "") {
  if (dialog?.open) return dialog.close();
  // On a phone it would else open under the drawer.
  document.querySelector(".sidebar:popover-open")?.hidePopover();
  if (!dialog && !(await load())) return;
  // Whoever presses twice is served once.
  if (document.querySelector("dialog[open]")) return;
  const box = dialog.querySelector("input");
  box.value = typed();
  dialog.showModal();
  box.dispatchEvent(new Event("input"));
}

async function load() {
  const page = await fetched(document.querySelector("[data-action=palette]").dataset.address);
  if (!page || dialog) return Boolean(dialog);
  document.body.insertAdjacentHTML("beforeend", page);
  dialog = document.querySelector(".palette");
  connect();
  return true;
}

async function fetched(address) {
  try {
    const response = await fetch(address, { redirect: "error" });
    if (response.ok) return await response.text();
  } catch {
    // Signed out, or no line: the page with the same list says so.
  }
  location.assign(document.querySelector("[data-action=palette]").href);
}

function connect() {
  const box = dialog.querySelector("input");
  const chats = dialog.querySelector(".palette__chats");
  const status = dialog.querySelector("[role=status]");
  let timer;

  const choices = () => [...dialog.querySelectorAll(".palette__choice:not([hidden])")];
  const choose = (choice) => {
    for (const each of dialog.querySelectorAll("[aria-selected=true]")) each.setAttribute("aria-selected", "false");
    choice?.setAttribute("aria-selected", "true");
    choice?.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", choice?.id ?? "");
  };
  const sift = () => {
    const words = folded(box.value).split(/\s+/);
    for (const action of dialog.querySelectorAll(".palette__actions .palette__choice")) {
      const isThere = !action.dataset.press || pressed(action);
      const text = folded(action.textContent);
      action.hidden = !isThere || !words.every((word) => text.includes(word));
    }
    const actions = dialog.querySelector(".palette__actions");
    actions.hidden = !actions.querySelector(".palette__choice:not([hidden])");
    choose(choices()[0]);
  };
  const tell = () => {
    const { length } = choices();
    status.textContent = length === 1 ? status.dataset.one : status.dataset.many.replace("{n}", length);
  };
  const look = async () => {
    const mine = ++wanted;
    const found = await fetched(`${dialog.dataset.address}?q=${encodeURIComponent(box.value)}`);
    // An answer that was overtaken says nothing any more.
    if (found === undefined || mine !== wanted) return;
    chats.innerHTML = found;
    sift();
    if (box.value) tell();
  };

  box.addEventListener("input", () => {
    sift();
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = choices();
    const at = all.findIndex((choice) => choice.getAttribute("aria-selected") === "true");
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, PageDown: Math.min(at + 8, all.length - 1), PageUp: Math.max(at - 8, 0) }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (all.length) choose(all[to % all.length]);
    } else if (event.key === "Enter" && event.target === box) {
      event.preventDefault();
      all[at]?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: event.ctrlKey, metaKey: event.metaKey }));
    }
  });
  dialog.addEventListener("mousemove", ({ target }) => {
    const choice = target.closest(".palette__choice");
    if (choice && choice.getAttribute("aria-selected") !== "true") choose(choice);
  });
  dialog.addEventListener("click", (event) => {
    const choice = event.target.closest(".palette__choice");
    if (event.target === dialog || event.target.closest("[data-close]")) return dialog.close();
    if (!choice?.dataset.press) return;
    const target = pressed(choice);
    // The focus is given back first, so that what opens can take it.
    dialog.close();
    target?.click();
  });
}

// The last one that can be seen or is in a menu: of many messages the newest is meant.
function pressed(action) {
  return [...document.querySelectorAll(action.dataset.press)].filter((each) => !dialog.contains(each)).at(-1);
}

function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
