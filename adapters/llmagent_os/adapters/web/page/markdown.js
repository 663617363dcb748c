// Markdown to DOM nodes. Nothing is ever parsed as HTML: what a model writes ends up in text nodes and in the few
// elements made here, so there is nothing to escape and nothing to sanitise.

const DEPTH = 8; // of nested quotes, lists and emphasis; deeper text is shown as it is written
const SAFE = new Set(["http:", "https:", "mailto:", "tel:"]);

export function render(text) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0));
  return fragment;
}

function element(name, ...children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^( {0,3})([-*+]|\d{1,9}[.)])(\s+)(?=\S)/;
const TABLE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function blocks(lines, depth) {
  const nodes = [];
  if (depth > DEPTH) return [element("p", lines.join("\n"))];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i];
    let match;
    if (!line.trim()) {
      i += 1;
    } else if ((match = FENCE.exec(line))) {
      const end = lines.findIndex((other, j) => j > i && other.trim().startsWith(match[1]));
      const stop = end < 0 ? lines.length : end; // a draft's fence is still open
      const pre = element("pre", element("code", lines.slice(i + 1, stop).join("\n")));
      pre.tabIndex = 0; // so that the keyboard can scroll it sideways
      nodes.push(pre);
      i = stop + 1;
    } else if ((match = HEADING.exec(line))) {
      const level = Math.min(match[1].length + 2, 6); // the page has its h1, each message its h2
      nodes.push(element(`h${level}`, ...inline(match[2], 0)));
      i += 1;
    } else if (RULE.test(line)) {
      nodes.push(element("hr"));
      i += 1;
    } else if (QUOTE.test(line)) {
      const start = i;
      while (i < lines.length && QUOTE.test(lines[i])) i += 1;
      const inner = lines.slice(start, i).map((each) => each.replace(QUOTE, ""));
      nodes.push(element("blockquote", ...blocks(inner, depth + 1)));
    } else if (BULLET.test(line)) {
      const [list, next] = listFrom(lines, i, depth);
      nodes.push(list);
      i = next;
    } else if (line.includes("|") && i + 1 < lines.length && lines[i + 1].includes("-") && TABLE.test(lines[i + 1])) {
      const start = i;
      i += 2;
      while (i < lines.length && lines[i].includes("|")) i += 1;
      nodes.push(tableFrom(lines.slice(start, i)));
    } else {
      const start = i;
      i += 1;
      while (i < lines.length && lines[i].trim() && !beginsBlock(lines[i])) i += 1;
      nodes.push(element("p", ...inline(lines.slice(start, i).join("\n").trim(), 0)));
    }
  }
  return nodes;
}

function beginsBlock(line) {
  return [FENCE, HEADING, RULE, QUOTE, BULLET].some((pattern) => pattern.test(line));
}

function listFrom(lines, start, depth) {
  const [, , marker] = BULLET.exec(lines[start]);
  const ordered = /\d/.test(marker);
  const list = element(ordered ? "ol" : "ul");
  if (ordered && parseInt(marker, 10) !== 1) list.start = parseInt(marker, 10);
  if (ordered && marker.endsWith(")")) list.className = "bracket";
  const numbers = [];
  let i = start;
  while (i < lines.length) {
    const match = BULLET.exec(lines[i]);
    if (!match || /\d/.test(match[2]) !== ordered || RULE.test(lines[i])) break;
    if (ordered && match[2].at(-1) !== marker.at(-1)) break; // after "1)", "2." begins another list
    numbers.push(parseInt(match[2], 10));
    const width = match[0].length;
    const inner = [lines[i].slice(width).replace(/^\[([ xX])\]\s+/, (_, mark) => (mark === " " ? "☐ " : "☑ "))];
    i += 1;
    while (i < lines.length) {
      const indent = lines[i].search(/\S/);
      const blank = indent < 0;
      const inside = !blank && indent >= Math.min(width, 2) && indent > match[1].length;
      const goesOn = blank && i + 1 < lines.length && lines[i + 1].search(/\S/) >= Math.min(width, 2);
      const lazy = !blank && !inside && inner.at(-1).trim() && !beginsBlock(lines[i]);
      if (!inside && !goesOn && !lazy) break;
      inner.push(inside ? lines[i].slice(Math.min(indent, width)) : lines[i].trim());
      i += 1;
    }
    while (i + 1 < lines.length && !lines[i].trim() && BULLET.test(lines[i + 1])) i += 1;
    const made = blocks(inner, depth + 1);
    // An item without empty lines holds its words directly, without a paragraph's margins.
    const first = made[0]?.nodeName === "P" ? [...made.shift().childNodes] : [];
    list.append(element("li", ...first, ...made));
  }
  // The numbers stay as they were written. A list that repeats one number is counted from it.
  if (ordered && new Set(numbers).size > 1) numbers.forEach((number, at) => (list.children[at].value = number));
  return [list, i];
}

function tableFrom(lines) {
  const cells = (line) =>
    line.trim().replace(/^\|/, "").replace(/\|$/, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  const head = element("tr", ...cells(lines[0]).map((cell) => element("th", ...inline(cell, 0))));
  for (const cell of head.cells) cell.scope = "col";
  const rows = lines.slice(2).map((line) => element("tr", ...cells(line).map((cell) => element("td", ...inline(cell, 0)))));
  const frame = element("div", element("table", element("thead", head), element("tbody", ...rows)));
  frame.className = "table";
  frame.tabIndex = 0;
  return frame;
}

// The backslashes of a path such as C:\.config or \\server\share are no escapes; those of C:\\new are.
const NAME = String.raw`\\(?!\\)(?:[^\s\\/:*?"<>|\x60\[\]()，。、；：！？）】」》]*[^\s\\/:*?"<>|\x60\[\]()，。、；：！？）】」》_~.,;!']|\*(?!\*))?`;
const PATH = new RegExp(
  String.raw`(?<=(?<![\w\\])(?:[A-Za-z]:|\.{1,2}|~|%\w{1,30}%))(?:${NAME})+|(?<![\w\\])\\\\[\w.-]+(?:${NAME})+`,
  "y",
);

// Patterns that are tried in this order at every special character. Lengths are limited, so that no text takes long.
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const INLINE = [
  [PATH, (match) => match[0]],
  [/<br\s{0,9}\/?>/iy, () => element("br")],
  [/&(amp|lt|gt|quot|apos|nbsp);/y, (match) => ENTITIES[match[1]]],
  [/\\([\\`*_{}[\]()#+.!~|<>-])/y, (match) => match[1]],
  [/(?: {2,}|\\)?\n/y, () => element("br")],
  [/(`{1,4})(?!`)([^]{1,2000}?)(?<!`)\1(?!`)/y, (match) => element("code", match[2].replace(/^ (.*) $/, "$1"))],
  [/!?\[([^\]\n]{0,500})\]\(\s*<?([^\s<>()]{0,2000}(?:\([^\s<>()]{0,500}\)[^\s<>()]{0,500})?)>?(?:\s+"[^"\n]{0,300}")?\s*\)/y, link],
  [/<?(https?:\/\/[^\s<>"]{0,2000}[^\s<>"'.,:;!?)\]}*_])>?/y, (match) => anchor(match[1], [match[1]])],
  [/\*\*(?=\S)([^]{0,1000}?\S)\*\*(?!\*)/y, (match, depth) => element("strong", ...inline(match[1], depth + 1))],
  [/\b__(?=\S)([^]{0,1000}?\S)__\b/y, (match, depth) => element("strong", ...inline(match[1], depth + 1))],
  [/\*(?=[^\s*])([^*]{0,1000}?[^\s*])\*(?!\*)/y, (match, depth) => element("em", ...inline(match[1], depth + 1))],
  [/\b_(?=[^\s_])([^_]{0,1000}?[^\s_])_\b/y, (match, depth) => element("em", ...inline(match[1], depth + 1))],
  [/~~(?=\S)([^]{0,1000}?\S)~~/y, (match, depth) => element("s", ...inline(match[1], depth + 1))],
];
const SPECIAL = /[\\`*_~[!<&\n]| {2,}\n|https?:/g;

function inline(text, depth) {
  const nodes = [];
  let plain = "";
  let i = 0;
  if (depth > DEPTH) return [text];
  while (i < text.length) {
    SPECIAL.lastIndex = i;
    const special = SPECIAL.exec(text);
    const at = special ? special.index : text.length;
    plain += text.slice(i, at);
    i = at;
    if (i >= text.length) break;
    let made = null;
    for (const [pattern, make] of INLINE) {
      pattern.lastIndex = i;
      const match = pattern.exec(text);
      if (!match) continue;
      made = make(match, depth);
      if (made === null) continue;
      i += match[0].length;
      break;
    }
    if (made === null) {
      plain += text[i];
      i += 1;
    } else if (typeof made === "string") {
      plain += made;
    } else {
      if (plain) nodes.push(plain);
      plain = "";
      nodes.push(made);
    }
  }
  if (plain) nodes.push(plain);
  return nodes;
}

function link(match, depth) {
  return anchor(match[2], inline(match[1] || match[2], depth + 1));
}

function anchor(address, children) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null; // not an address: shown as it is written
  }
  if (!SAFE.has(url.protocol)) return null;
  const node = element("a", ...children);
  node.href = url.href;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}
