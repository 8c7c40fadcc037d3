// Gives each block of code of an answer its tools: breaking long lines, numbers of lines, a copy. What is chosen
// holds for all code, and is remembered. Numbers stand beside the code and not in it, so that nobody copies
// them; they count lines as they were written, so it is either they or broken lines.
const CHOICES = ["wrap", "lines"];
const KEY = "evoweb:code";
const root = document.documentElement;

root.dataset.code ??= localStorage.getItem(KEY) ?? "";

export function equip(text) {
  for (const block of text.querySelectorAll(".code:not(:has(> .code__tools))")) block.append(tools(text.dataset));
  if (root.dataset.code === "lines") number(text);
}

function tools(words) {
  const bar = document.createElement("div");
  bar.className = "code__tools";
  for (const choice of CHOICES) {
    const press = button(words[choice]);
    press.dataset.choice = choice;
    press.setAttribute("aria-pressed", String(root.dataset.code === choice));
    press.addEventListener("click", () => choose(root.dataset.code === choice ? "" : choice));
    bar.append(press);
  }
  const copy = button(words.copy);
  copy.dataset.action = "copy";
  copy.dataset.done = words.done;
  copy.dataset.failed = words.failed;
  bar.append(copy);
  return bar;
}

function button(words) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button button--quiet code__tool";
  made.textContent = words;
  return made;
}

function choose(choice) {
  root.dataset.code = choice;
  localStorage.setItem(KEY, choice);
  for (const each of document.querySelectorAll(".code__tool[data-choice]")) {
    each.setAttribute("aria-pressed", String(each.dataset.choice === choice));
  }
  if (choice === "lines") number(document);
}

function number(part) {
  for (const code of part.querySelectorAll(".code > pre > code")) {
    const block = code.closest(".code");
    const count = code.textContent.replace(/\n$/, "").split("\n").length;
    let gutter = block.querySelector(":scope > .code__lines");
    if (Number(gutter?.dataset.count) === count) continue;
    if (!gutter) {
      gutter = document.createElement("div");
      gutter.className = "code__lines";
      gutter.setAttribute("aria-hidden", "true");
      block.append(gutter);
    }
    gutter.dataset.count = count;
    gutter.textContent = Array.from({ length: count }, (_, at) => at + 1).join("\n");
  }
}
