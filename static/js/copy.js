// Copies what a message says, or the code that the button stands in.
export async function act(button) {
  const code = button.closest(".code")?.querySelector("code");
  const source = code ?? button.closest(".message").querySelector(".message__text");
  await navigator.clipboard.writeText(words(source));
  if (button.textContent === button.dataset.done) return;
  const label = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => (button.textContent = label), 1600);
}

// As it stands there, without the words of buttons in it.
function words(element) {
  const buttons = element.querySelectorAll("button");
  for (const button of buttons) button.hidden = true;
  const text = element.innerText.trimEnd();
  for (const button of buttons) button.hidden = false;
  return text;
}
