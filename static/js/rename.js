// A title that is changed in its place: Enter or a click elsewhere saves it, Escape takes back what was
// typed. What the answer holds puts it wherever the page has it.
export function act(link) {
  const heading = link.closest("h1");
  const form = document.createElement("form");
  const box = document.createElement("input");
  const token = document.querySelector("#page-actions [name=csrfmiddlewaretoken]").cloneNode();
  const before = link.textContent;
  let isSending = false, isOver = false;

  Object.assign(box, { name: "title", value: before, maxLength: 120, dir: "auto", autocomplete: "off", ariaLabel: link.dataset.label });
  form.className = "header__form";
  // What is said of a box that was not saved does not keep it from being saved.
  form.noValidate = true;
  form.setAttribute("hx-post", link.href);
  form.setAttribute("hx-swap", "none");
  form.append(token, box);

  const leave = () => {
    // What goes loses the focus, which would end it once more.
    isOver = true;
    heading.hidden = false;
    if (form.contains(document.activeElement)) link.focus();
    form.remove();
  };
  const isNew = () => box.value.trim() && box.value.trim() !== before;

  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    box.value = before;
    leave();
  });
  box.addEventListener("input", () => box.setCustomValidity(""));
  box.addEventListener("blur", () => {
    if (isSending || isOver) return;
    if (isNew()) form.requestSubmit();
    else leave();
  });
  form.addEventListener("submit", (event) => {
    // Enter that ends in the same words is no change.
    if (!isSending && isNew()) return (isSending = true);
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!isSending) leave();
  }, { capture: true });
  form.addEventListener("htmx:finally:request", (event) => {
    isSending = false;
    if (event.detail.ctx.response?.status < 400) return leave();
    box.setCustomValidity(link.dataset.failed);
    box.reportValidity();
  });

  heading.hidden = true;
  heading.after(form);
  htmx.process(form);
  box.focus();
  box.select();
}
