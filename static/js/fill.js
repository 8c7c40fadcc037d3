// A suggestion goes into the composer, to be finished there.
export function act(link) {
  const box = document.querySelector(".composer__text");
  box.value = `${link.textContent.trim()} `;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}
