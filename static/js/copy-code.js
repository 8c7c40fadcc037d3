// Gives each block of code of an answer a button that copies it.
export function connect(text) {
  for (const block of text.querySelectorAll(".code")) {
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
