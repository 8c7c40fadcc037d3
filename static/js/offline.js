// Writing goes on without a line: what stands here is the draft of the chat at whose address this page
// was shown. Once evoweb answers, its own page comes, with the draft in its box.
import { lastPerson, place, write } from "./draft.js";

const LOOK_EVERY = 4000;
const PAUSE = 300;

const [, conversation] = location.pathname.match(/^\/c\/([0-9a-f-]{36})\/$/) ?? [];
const person = lastPerson();
const part = document.querySelector(".offline__draft");
const box = part.querySelector("textarea");
const { health } = document.querySelector("script[data-health]").dataset;

if (person && (conversation || location.pathname === "/")) offer(place(`${person}:${conversation ?? "new"}`));

function offer(key) {
  let timer;
  const keep = () => {
    clearTimeout(timer);
    write(key, box.value.trim() ? box.value : "");
  };
  box.value = localStorage.getItem(key) ?? "";
  part.hidden = false;
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  });
  addEventListener("pagehide", keep);
  addEventListener("beforeunload", keep);
}

// Not in the midst of a word: whoever is writing goes on until there is a pause.
async function look() {
  try {
    const answer = await fetch(health, { cache: "no-store" });
    if (answer.ok) return leave();
  } catch {
    // Still away.
  }
  setTimeout(look, LOOK_EVERY);
}

let wroteAt = 0;
box.addEventListener("input", () => (wroteAt = Date.now()));
function leave() {
  const rest = wroteAt + 2000 - Date.now();
  if (rest > 0) setTimeout(leave, rest);
  else location.reload();
}

document.querySelector("[data-again]").addEventListener("click", () => location.reload());
addEventListener("online", look);
look();
