// Pictures beside a message: each is uploaded as soon as it is there, and lies in the composer from then
// on, through a reload too. A message that is sent meanwhile waits for them.
const MEGABYTE = 1024 * 1024;
const PREVIEW = 272;

const coming = new Set();
let isWaiting = false;

const place = () => document.getElementById("composer-pictures");
const list = () => place().querySelector(".attached__list");

export function receive(form, files) {
  connect(form);
  document.getElementById("composer-notice").replaceChildren();
  for (const file of files) add(form, file);
}

// A new chat has its model beside its pictures.
export function look(form) {
  const { model } = form.elements;
  if (!model) return;
  const isBlind = place().dataset.blind.split(",").includes(model.value);
  place().querySelector(".attached__note--blind").hidden = !isBlind;
}

function connect(form) {
  look(form);
  if (form.dataset.pictures) return;
  form.dataset.pictures = "connected";
  form.addEventListener("submit", (event) => {
    if (!coming.size) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    isWaiting = true;
  }, { capture: true });
  // What the server sends of the list knows nothing of those that are on their way.
  document.addEventListener("htmx:after:swap", () => {
    for (const item of coming) if (!item.isConnected && place()) list().append(item);
  });
}

function add(form, file) {
  const { largest, tooLarge, upload, conversation, failed } = place().dataset;
  if (file.size > largest * MEGABYTE) return say(tooLarge.replace("{file}", file.name));
  const item = placeholder(file);
  coming.add(item);
  list().append(item);
  item.scrollIntoView({ block: "nearest", inline: "nearest" });

  const request = new XMLHttpRequest();
  const end = (sentence) => {
    coming.delete(item);
    if (sentence) say(sentence);
    item.remove();
    if (coming.size || !isWaiting) return;
    isWaiting = false;
    if (!sentence) form.requestSubmit();
  };
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    item.querySelector("progress").value = loaded / total;
  });
  request.addEventListener("load", () => {
    if (request.status === 201) arrive(item, request.responseText, file.name);
    end(request.status === 201 ? "" : words(request) ?? failed.replace("{file}", file.name));
  });
  request.addEventListener("error", () => end(failed.replace("{file}", file.name)));
  request.addEventListener("abort", () => end(""));
  item.querySelector("button").addEventListener("click", () => request.abort());

  const body = new FormData();
  body.set("picture", file);
  body.set("conversation", conversation);
  request.open("POST", upload);
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.setRequestHeader("HX-Request", "true");
  request.send(body);
}

function arrive(item, html, name) {
  document.getElementById("status").textContent = place().dataset.added.replace("{file}", name);
  const template = document.createElement("template");
  template.innerHTML = html;
  const arrived = template.content.firstElementChild;
  // A list that the server has sent since may have it.
  if (document.getElementById(arrived.id)) return;
  item.before(arrived);
  htmx.process(arrived);
}

function placeholder(file) {
  const item = document.createElement("li");
  item.className = "attached__item";
  item.dataset.state = "coming";
  const canvas = document.createElement("canvas");
  canvas.className = "attached__picture";
  const progress = document.createElement("progress");
  progress.className = "attached__progress";
  progress.max = 1;
  progress.ariaLabel = file.name;
  const cancel = document.createElement("button");
  cancel.className = "button button--icon attached__remove";
  cancel.type = "button";
  const mark = document.createElement("span");
  mark.className = "attached__mark";
  mark.textContent = "×";
  cancel.append(mark);
  cancel.ariaLabel = place().dataset.cancel;
  item.append(canvas, cancel, progress);
  preview(canvas, file);
  return item;
}

// Of what the browser cannot draw there is none; the server says what is wrong with it.
async function preview(canvas, file) {
  try {
    const image = await createImageBitmap(file, { resizeWidth: PREVIEW, resizeQuality: "low" });
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    image.close();
  } catch {
    // Nothing to see.
  }
}

// A sentence, or a notice as a page would show it, such as that the session has ended.
function words(request) {
  const kind = request.getResponseHeader("Content-Type") ?? "";
  if (request.status < 400 || request.status > 499) return undefined;
  if (kind.startsWith("text/plain")) return request.responseText;
  const notice = new DOMParser().parseFromString(request.responseText, "text/html");
  return notice.querySelector("#composer-notice p")?.childNodes;
}

function say(sentence) {
  const line = document.createElement("p");
  line.append(...(typeof sentence === "string" ? [sentence] : sentence));
  document.getElementById("composer-notice").append(line);
}
