// Says quietly that the connection is lost, once that has lasted, and takes it back when it is there again.
const PATIENCE = 1500;
// The server's last words: signed out, or the conversation is gone. The page itself knows what to show.
const OVER = [4401, 4404];

export function connect(socket) {
  const words = document.querySelector(".dock__connection");
  let timer;

  socket.addEventListener("htmx:ws:close", (event) => {
    // Not at once: whoever deletes or signs out here is on the way to another page already.
    if (OVER.includes(event.detail.code)) return setTimeout(() => location.reload(), PATIENCE);
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
