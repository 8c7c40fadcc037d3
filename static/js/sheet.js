// Shows the form of another page, or what it says, as a dialog over this one, where what is being read and written stays.
// What it does is what that page does; without a line, or a session, the page itself says so. A button that leads there
// by a form does something on the way; the dialog then names what is to be done when it is left.
export async function act(link) {
  if (document.querySelector("dialog[open]")) return;
  // A menu that led here has done its work.
  link.closest(".again")?.removeAttribute("open");
  link.closest(":popover-open")?.hidePopover();
  const { form } = link;
  const words = await (link.href ? fetched(link.href) : fetched(link.formAction, posting(form)));
  if (!words) return link.href ? location.assign(link.href) : form.requestSubmit(link);
  const dialog = show(words);
  let isDone = false;

  dialog.addEventListener("close", () => {
    const { left } = dialog.querySelector("form")?.dataset ?? {};
    if (left && !isDone) fetched(left, posting(form));
  });
  // Only what is wrong with the form itself is said in it; the rest is said where messages are sent. But a form that
  // holds what somebody wrote stays until that is taken, and says itself that it was not.
  const failed = () => dialog.querySelector("[data-failed]");
  const stays = (response) => failed() && (!response || (response.status >= 400 && response.status !== 422));
  dialog.addEventListener("htmx:before:response", (event) => {
    if (stays(event.detail.ctx.response)) event.preventDefault();
  });
  dialog.addEventListener("htmx:finally:request", (event) => {
    const { response } = event.detail.ctx;
    if (stays(response)) failed().textContent = failed().dataset.failed;
    isDone = response && response.status !== 422 && !stays(response);
    if (isDone) dialog.close();
    else name(dialog);
  });
}

export function show(words) {
  const dialog = document.createElement("dialog");
  dialog.className = "sheet";
  dialog.innerHTML = words;
  document.body.append(dialog);
  name(dialog);
  htmx.process(dialog);

  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    // A press beside a form would lose what was written in it.
    const isBeside = event.target === dialog && !dialog.querySelector("form");
    if (!isBeside && !event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.showModal();
  dialog.querySelector("select, input:not([type=hidden]), textarea, button")?.focus();
  return dialog;
}

function name(dialog) {
  const heading = dialog.querySelector("h2");
  if (heading) dialog.setAttribute("aria-label", heading.textContent);
}

const posting = (form) => ({ method: "POST", body: new FormData(form), keepalive: true });

async function fetched(address, how) {
  try {
    const response = await fetch(address, { headers: { "HX-Request": "true" }, redirect: "error", ...how });
    return response.ok && (await response.text());
  } catch {
    return false;
  }
}
