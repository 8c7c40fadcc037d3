// Copies what a message says, as it was written or as it is read, the code that the button stands in, or
// the words that it is given.
export async function act(button) {
  const label = button.dataset.label ??= button.textContent;
  const said = (await copied(text(button))) ? button.dataset.done : button.dataset.failed;
  button.textContent = said;
  setTimeout(() => (button.textContent = label), 1600);
}

// An answer is fetched: the page has only what became of its Markdown.
async function text(button) {
  if (button.dataset.words) return button.dataset.words;
  if ("plain" in button.dataset) {
    const { plain } = await import("./passage.js");
    return plain(button.closest(".message").querySelector(".message__text"));
  }
  const code = button.closest(".code")?.querySelector("code");
  if (code) return code.textContent.trimEnd();
  if (!button.dataset.source) return button.closest(".message").querySelector(".message__text").textContent;
  const answer = await fetch(button.dataset.source);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

// The clipboard is given only to pages that came by https or from this machine.
async function copied(promise) {
  try {
    if (!navigator.clipboard) return copiedByHand(await promise);
    // Given the promise at once, a browser does not forget meanwhile that somebody pressed a button.
    const blob = promise.then((words) => new Blob([words], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return false;
  }
}

function copiedByHand(words) {
  const box = document.createElement("textarea");
  box.value = words;
  box.className = "visually-hidden";
  const focused = document.activeElement;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  focused?.focus({ preventScroll: true });
  return done;
}
