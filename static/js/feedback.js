// Why an answer was good or bad, in a panel over the page: outside the thread, so that a message that is
// sent anew takes nothing with it that is being written here.
export function connect(form) {
  const failed = form.querySelector("[data-failed]");
  const close = () => {
    form.remove();
    const { why, good } = form.dataset;
    (document.getElementById(why) ?? document.getElementById(good))?.focus();
  };

  form.showPopover();
  form.querySelector("input[type=checkbox]").focus();
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    close();
  });
  form.querySelector(".feedback__cancel").addEventListener("click", (event) => {
    event.preventDefault();
    close();
  });
  form.addEventListener("submit", () => failed.replaceChildren());
  form.addEventListener("htmx:finally:request", (event) => {
    if (event.detail.ctx.response?.status < 400) return close();
    failed.textContent = failed.dataset.failed;
  });
}
