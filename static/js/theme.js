// The theme changes at once; the server hears of it meanwhile, even if the page is left.
export function act(button) {
  document.documentElement.dataset.theme = button.value;
  for (const other of button.form.querySelectorAll("button")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
  fetch(button.form.action, {
    method: "post",
    body: new FormData(button.form, button),
    redirect: "manual",
    keepalive: true,
  });
}
