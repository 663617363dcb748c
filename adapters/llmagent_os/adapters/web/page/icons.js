// The thumbs, drawn here: where no emoji font is installed, an emoji is an empty box.

const SVG = "http://www.w3.org/2000/svg";
const HAND = "M8 10.5 11.4 3.6a1.9 1.9 0 0 1 3.5 1.3L14.2 9H18a2 2 0 0 1 2 2.4l-1.2 6.5A2.6 2.6 0 0 1 16.2 20H8Z";
const CUFF = "M4.2 10.5H8V20H4.2Z";
const TURNED = new Map([["👍", ""], ["👎", "rotate(180 12 12)"]]);

// The drawing of an emoji, or the emoji itself as a text. The button around it has the label for screen readers.
export function iconOf(emoji) {
  if (!TURNED.has(emoji)) return document.createTextNode(emoji);
  const icon = element("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" });
  const hand = element("g", TURNED.get(emoji) ? { transform: TURNED.get(emoji) } : {});
  hand.append(element("path", { d: CUFF }), element("path", { d: HAND }));
  icon.append(hand);
  return icon;
}

function element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
