// The list of prompts that a `/` at the beginning of a message opens: sifted by the name that is typed, chosen
// by keys or a press. What one leaves open is asked for in a dialog; the server puts it together. It imports
// nothing that is fetched with the page, since that leads here.
const COMMAND = /^\/[\p{L}\p{M}\p{N}_-]*$/u;
const KEYS = { ArrowDown: 1, ArrowUp: -1 };
const onTouch = matchMedia("(pointer: coarse)");
const TOLD = { "aria-autocomplete": "list", "aria-controls": "prompt-choices", "aria-haspopup": "listbox" };

export function connect(form) {
  const box = form.querySelector("textarea");
  const notice = document.getElementById("composer-notice");
  let list, opening;
  // Once for what is typed: Escape, and what was just put in.
  let isDismissed = false;

  // What is typed of a name, if nothing but a name is before the caret, and no word goes on behind it.
  const typed = () => {
    const [before, after] = [box.value.slice(0, box.selectionStart), box.value.slice(box.selectionStart)];
    return COMMAND.test(before) && /^(\s|$)/.test(after) ? before : undefined;
  };
  const choices = () => [...(list?.querySelectorAll("[role=option]:not([hidden])") ?? [])];
  const active = () => choices().find((choice) => choice.getAttribute("aria-selected") === "true");

  // Called whenever something was typed.
  async function look() {
    if (typed() === undefined) {
      isDismissed = false;
      return close();
    }
    if (isDismissed) return;
    await (opening ??= open());
    if (typed() === undefined || isDismissed || document.activeElement !== box) return close();
    sift();
  }

  async function open() {
    const answer = await ask(form.dataset.prompts);
    if (answer === undefined) return fail();
    form.insertAdjacentHTML("afterbegin", answer.words);
    list = document.getElementById("prompts");
    for (const [name, value] of Object.entries(TOLD)) box.setAttribute(name, value);
    // The focus stays where the name is typed.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("mousemove", ({ target }) => mark(target.closest("[role=option]") ?? active()));
    list.addEventListener("click", ({ target }) => {
      const choice = target.closest("[role=option]");
      if (choice) use(choice);
    });
  }

  function close() {
    list?.remove();
    list = opening = undefined;
    for (const name of [...Object.keys(TOLD), "aria-activedescendant"]) box.removeAttribute(name);
  }

  // By the beginning of its name, or of a word of its title.
  function sift() {
    const name = folded(typed().slice(1));
    for (const choice of list?.querySelectorAll("[role=option]") ?? []) {
      const words = folded(choice.textContent).split(/[\s/_-]+/);
      choice.hidden = !folded(choice.dataset.name).startsWith(name) && !words.some((word) => word.startsWith(name));
    }
    const found = choices();
    mark(found.find((choice) => folded(choice.dataset.name) === name) ?? found[0]);
    const status = list?.querySelector("[role=status]");
    if (!status) return;
    list.toggleAttribute("data-empty", !found.length && name !== "");
    const words = found.length === 1 ? status.dataset.one : status.dataset.many.replace("{n}", found.length);
    if (status.textContent !== words) status.textContent = words;
  }

  function mark(choice) {
    for (const each of choices()) each.setAttribute("aria-selected", each === choice);
    if (!choice) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", choice.id);
    choice.scrollIntoView({ block: "nearest" });
  }

  async function use(choice) {
    const name = typed();
    const { address, asks } = choice.dataset;
    close();
    // What is typed meanwhile would be in the way of the text.
    box.readOnly = true;
    const token = new URLSearchParams({ csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
    const text = asks === undefined ? (await ask(address, token))?.words : await fill(address);
    box.readOnly = false;
    // A dialog that closes gives back the focus, but not always the place.
    box.setSelectionRange(name.length, name.length);
    if (text === undefined) return fail();
    if (text === null) return;
    isDismissed = true;
    box.setRangeText(text, 0, name.length, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
    box.scrollTop = box.scrollHeight;
  }

  // Gives the text; nothing for who thinks better of it.
  async function fill(address) {
    const page = await ask(address);
    if (!page) return undefined;
    const dialog = (await import("./sheet.js")).show(page.words);
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || onTouch.matches || !event.target.matches("textarea")) return;
      event.preventDefault();
      event.target.form.requestSubmit();
    });
    return new Promise((done) => {
      dialog.addEventListener("close", () => done(null));
      dialog.addEventListener("submit", async (event) => {
        event.preventDefault();
        const answer = await ask(address, new FormData(event.target));
        if (answer?.status === 422) {
          dialog.innerHTML = answer.words;
          return dialog.querySelector("[aria-invalid]")?.focus();
        }
        done(answer?.words);
        dialog.close();
      });
    });
  }

  function fail() {
    const words = document.createElement("p");
    words.textContent = notice.dataset.down;
    notice.replaceChildren(words);
    opening = undefined;
  }

  form.addEventListener("keydown", (event) => {
    if (event.target !== box || event.isComposing || !list) return;
    if (event.key === "Escape") {
      isDismissed = true;
      close();
    } else if (event.key in KEYS && active()) {
      const all = choices();
      mark(all.at((all.indexOf(active()) + KEYS[event.key]) % all.length));
    } else if (["Enter", "Tab"].includes(event.key) && !event.shiftKey && active()) use(active());
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  box.addEventListener("blur", ({ relatedTarget }) => list?.contains(relatedTarget) || close());

  return {
    look,
    // Whether what is to be sent is the name of a prompt; whoever types fast is ahead of the list.
    async takes() {
      if (typed() === undefined || isDismissed || box.readOnly) return box.readOnly;
      await look();
      const choice = active();
      if (choice) use(choice);
      return Boolean(choice);
    },
  };
}

async function ask(address, body) {
  try {
    const answer = await fetch(address, { method: body ? "POST" : "GET", body, headers: { "HX-Request": "true" }, redirect: "error" });
    if (answer.ok || answer.status === 422) return { status: answer.status, words: await answer.text() };
  } catch {
    // No line.
  }
}

function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
