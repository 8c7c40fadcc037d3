// Says quietly that the connection is lost, once that has lasted, and takes it back when it is there again.
const PATIENCE = 1500;

export function connect(socket) {
  const words = document.querySelector(".dock__connection");
  let timer;

  socket.addEventListener("htmx:ws:close", () => {
    timer ??= setTimeout(() => (words.hidden = false), PATIENCE);
  });
  socket.addEventListener("htmx:ws:after:connection", () => {
    clearTimeout(timer);
    // What was said about the line is over with it.
    if (!words.hidden) document.getElementById("composer-notice").replaceChildren();
    timer = undefined;
    words.hidden = true;
  });
}
