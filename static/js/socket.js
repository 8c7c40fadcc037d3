// Keeps the page's socket: opens another at once where this one is dead without having said so, as after
// a night in a closed laptop. Tells the page of it as `line:lost` and `line:live`.

// How long an answer to a question may take, a connection has to last, and a beat may come late.
const ANSWER = 700;
const LASTING = 300;
const BEAT = 2000;
const SLEPT = 15000;

export function connect(place) {
  const pattern = place.firstElementChild.cloneNode();
  let answer, lasting;
  let last = Date.now();

  // Where hx-ws itself keeps it: its events come only later, or came before this was fetched.
  const socket = () => place.firstElementChild?._htmx?.ws?.connection?.socket;
  const isOpen = () => socket()?.readyState === WebSocket.OPEN;
  const tell = (name) => document.dispatchEvent(new Event(name));
  // Another element is another connection, without a pause.
  const renew = () => {
    socket()?.close();
    const fresh = pattern.cloneNode();
    place.replaceChildren(fresh);
    htmx.process(fresh);
  };
  const lost = () => {
    clearTimeout(lasting);
    clearTimeout(answer);
    tell("line:lost");
  };
  const ask = () => {
    if (!isOpen()) return renew();
    socket().send("ping");
    clearTimeout(answer);
    answer = setTimeout(() => {
      lost();
      renew();
    }, ANSWER);
  };
  // One that is closed again at once, by a proxy or a server that is full, is no line.
  const opened = () => {
    clearTimeout(lasting);
    lasting = setTimeout(() => tell("line:live"), LASTING);
  };

  place.addEventListener("htmx:ws:after:connection", opened);
  place.addEventListener("htmx:ws:close", (event) => event.detail.code && lost());
  place.addEventListener("htmx:ws:before:message:incoming", (event) => {
    clearTimeout(answer);
    if (event.detail.message.data === "pong") event.preventDefault();
  });
  for (const sign of ["online", "offline"]) window.addEventListener(sign, ask);
  document.addEventListener("resume", ask);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  setInterval(() => {
    const now = Date.now();
    if (now - last > SLEPT) ask();
    last = now;
  }, BEAT);
}
