// Gives each block of code of an answer a button that copies it, also while the answer is written: then
// more of them come, and what stands behind code that grows goes.
export function connect(text) {
  add(text);
  new MutationObserver(() => add(text)).observe(text, { childList: true, subtree: true });
}

function add(text) {
  for (const block of text.querySelectorAll(".code:not(:has(> .code__copy))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--quiet code__copy";
    button.dataset.action = "copy";
    button.dataset.done = text.dataset.done;
    button.dataset.failed = text.dataset.failed;
    button.textContent = text.dataset.copy;
    block.append(button);
  }
}
