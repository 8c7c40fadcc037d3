// What is read in a message, as words: with the marks of Markdown, for a quotation, or without them.
// Formulas are given as they were written, between dollars.
const BLOCKS = "p, ul, ol, li, pre, blockquote, table, div, hr, h1, h2, h3, h4, h5, h6, dl, dt, dd, details";
const MARKS = { STRONG: "**", B: "**", EM: "*", I: "*", DEL: "~~", S: "~~", CODE: "`" };

export function plain(element) {
  return blocks(element, false);
}

// A range says nothing of what it lies in: that it is code, or the third item of a list.
export function markdown(range) {
  const at = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);
  const within = at(range.commonAncestorContainer);
  if (!within.closest(".prose")) return range.toString().trim();
  const frame = (within.closest("pre") ?? within.closest("ul, ol, table") ?? within).cloneNode(false);
  const language = within.closest(".code")?.dataset.language;
  if (language) frame.dataset.language = language;
  frame.append(range.cloneContents());
  const item = at(range.startContainer).closest("ol > li");
  const list = frame.tagName === "OL" ? frame : frame.querySelector("ol");
  if (item && list) list.start = item.parentElement.start + [...item.parentElement.children].indexOf(item);
  // Out of a single item, its words are enough.
  const isPart = frame.matches("ul, ol, table") && !within.matches("ul, ol, table, thead, tbody, tr");
  return isPart || !frame.matches(BLOCKS) ? blocks(frame, true) : block(frame, true);
}

function blocks(parent, marked) {
  const parts = [];
  let line = "";
  const end = () => {
    if (line.trim()) parts.push(line.trim());
    line = "";
  };
  for (const child of parent.childNodes) {
    if (child.nodeType !== Node.ELEMENT_NODE || !child.matches(BLOCKS)) {
      line += inline(child, marked);
      continue;
    }
    end();
    const words = block(child, marked);
    if (words) parts.push(words);
  }
  end();
  const isTight = parent.tagName === "LI" && !parent.querySelector(":scope > p");
  return parts.join(isTight ? "\n" : "\n\n");
}

function block(element, marked) {
  const name = element.tagName;
  if (element.matches(".code__tools")) return "";
  if (name === "PRE") return code(element, marked);
  if (name === "UL" || name === "OL") return items(element, marked);
  if (name === "TABLE") return rows(element, marked);
  if (!marked) return blocks(element, marked);
  if (name === "HR") return "---";
  if (name === "BLOCKQUOTE") return quoted(blocks(element, marked));
  if (/^H\d$/.test(name)) return `${"#".repeat(name[1])} ${blocks(element, marked)}`;
  return blocks(element, marked);
}

function code(element, marked) {
  const words = element.textContent.replace(/\n$/, "");
  if (!marked || !words.trim()) return words;
  const longest = Math.max(2, ...(words.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${element.closest("[data-language]")?.dataset.language ?? ""}\n${words}\n${fence}`;
}

function items(list, marked) {
  let number = list.start ?? 0;
  return [...list.children].map((item) => {
    const mark = list.tagName === "OL" ? `${number++}. ` : "- ";
    return mark + blocks(item, marked).replaceAll(/\n(?=.)/g, `\n${" ".repeat(mark.length)}`);
  }).join("\n");
}

function rows(table, marked) {
  return [...table.querySelectorAll("tr")].map((row) => {
    const cells = [...row.cells].map((cell) => blocks(cell, marked).replaceAll("\n", " "));
    if (!marked) return cells.join("\t");
    const line = `| ${cells.join(" | ")} |`;
    return row.closest("thead") ? `${line}\n|${" --- |".repeat(cells.length)}` : line;
  }).join("\n");
}

function inline(node, marked) {
  if (node.nodeType === Node.TEXT_NODE) return node.data.replaceAll(/\s+/g, " ");
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  if (node.tagName === "BR") return "\n";
  if (node.matches(".math, .math-block")) return formula(node);
  // Where a link leads is told by us.
  if (node.matches(".host")) return "";
  const words = [...node.childNodes].map((child) => inline(child, marked)).join("");
  if (!marked || !words.trim()) return words;
  if (node.tagName === "A") return `[${words}](${node.getAttribute("href")})`;
  const mark = MARKS[node.tagName] ?? "";
  return mark + words + mark;
}

// As it was written, whatever has been set for it.
function formula(node) {
  const mark = node.matches(".math") ? "$" : "$$";
  return mark + (node.dataset.source ?? node.textContent) + mark;
}

export function quoted(words) {
  return words.replaceAll(/^/gm, "> ").replaceAll(/^> $/gm, ">");
}
