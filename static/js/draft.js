// Keeps what is being written, through a reload, a failed send, an ended session, and on other devices.
// Here it is kept at once, and on the server after a pause (save-draft.js). It is forgotten once the server
// has taken it as a message, and only if nothing was changed since.
import { answered, hasArrived, newKey, shownPrompts, unanswered } from "./sending.js";

const PAUSE = 400;

// Whose drafts these are, for the page that shows without a line and knows nobody.
const PERSON = "evoweb:person";

export function connect(form) {
  localStorage.setItem(PERSON, form.dataset.draft.split(":")[0]);
  const key = place(form.dataset.draft);
  const box = form.querySelector("textarea");
  let timer, saver, prompts;

  // The field of the form names the versions on the server that what stands in the box builds on.
  const draft = {
    isSaved: true,
    newVersion: newKey,
    get text() {
      return unlessBlank(box.value);
    },
    // As a message: the answer to it decides what becomes of it here.
    get isUnderWay() {
      const sent = unanswered();
      return sent?.draft === form.dataset.draft && sent.text === box.value;
    },
    put(text) {
      box.value = text;
      box.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "put" }));
    },
    keep() {
      clearTimeout(timer);
      write(key, draft.text, { isSaved: draft.isSaved, versions: form.elements.draft.value });
    },
  };
  const saving = async () => (saver ??= (await import("./save-draft.js")).saver(form, draft));
  const look = () => (prompts = shownPrompts().length);

  forgetWhatArrived();
  const theirs = begin(draft, form, box, key);
  look();
  if (!draft.isSaved) saving().then((it) => (theirs ? it.meet(theirs) : it.now()));

  box.addEventListener("input", async ({ detail }) => {
    if (detail === "put") return;
    draft.isSaved = false;
    look();
    clearTimeout(timer);
    timer = setTimeout(draft.keep, PAUSE);
    (await saving()).soon();
  });
  window.addEventListener("pagehide", draft.keep);
  document.addEventListener("visibilitychange", async () => {
    draft.keep();
    // Also of a page that is left.
    if (document.hidden) saver?.now({ isLast: true });
    else (await saving()).refresh();
  });
  form.addEventListener("composer:accepted", (event) => {
    if (localStorage.getItem(key) === event.detail) localStorage.removeItem(key);
    // What was typed since is the next message.
    setTimeout(() => {
      draft.isSaved = !draft.text;
      draft.keep();
      if (!draft.isSaved) saver?.soon();
    });
  });
  form.addEventListener("submit", () => {
    draft.keep();
    saver?.wait();
  });
  form.addEventListener("composer:answered", () => saver?.soon());
  // It was sent from another device, as it stands here.
  document.addEventListener("htmx:after:swap", () => {
    if (!draft.isSaved || !draft.text || !hasArrived({ text: box.value, prompts })) return;
    draft.put("");
    draft.keep();
  });
}

// What the page came with is the server's draft, unless its address or a refused form gave it another text.
// What was typed here and has not reached the server stays, also what came before this script did. Gives
// what was written elsewhere meanwhile, if there is any.
function begin(draft, form, box, key) {
  const field = form.elements.draft;
  const page = { text: unlessBlank(box.defaultValue), version: field.value };
  if (box.value !== box.defaultValue || (page.text && !page.version)) {
    draft.isSaved = false;
    return;
  }
  const { text, isSaved, versions } = read(key);
  if (isSaved || text === page.text) return draft.keep();
  draft.isSaved = false;
  draft.put(text);
  const isKnown = versions.split(" ").includes(page.version);
  // Where nothing stands any more, nothing is overwritten.
  field.value = isKnown || page.text ? versions : page.version || versions;
  if (isKnown || !page.text) return;
  return page;
}

function unlessBlank(text) {
  return text.trim() ? text : "";
}

export function lastPerson() {
  return localStorage.getItem(PERSON);
}

export function place(draft) {
  return `evoweb:draft:${draft}`;
}

export function write(key, text, { isSaved = false, versions = read(key).versions } = {}) {
  if (text) localStorage.setItem(key, text);
  else localStorage.removeItem(key);
  localStorage.setItem(`${key}:state`, JSON.stringify({ isSaved, versions }));
}

// What is there without a state has never reached the server.
function read(key) {
  const text = localStorage.getItem(key) ?? "";
  return { text, isSaved: !text, versions: "", ...JSON.parse(localStorage.getItem(`${key}:state`)) };
}

// The answer to a send may be lost, or be the page of a new conversation: then the text stands as a prompt.
function forgetWhatArrived() {
  const sent = unanswered();
  if (!sent || !hasArrived(sent)) return;
  answered();
  if (localStorage.getItem(place(sent.draft)) === sent.text) write(place(sent.draft), "", { isSaved: true, versions: "" });
}
